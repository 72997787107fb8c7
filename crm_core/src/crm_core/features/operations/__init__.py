"""What whoever runs the CRM watches: health checks and metrics, and how long things are kept."""
