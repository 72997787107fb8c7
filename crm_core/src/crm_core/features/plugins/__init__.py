"""What is installed, for administrators"""
