"""What the API fuzz needs to be there: records of every kind, some shared, some in the trash; and bodies that fit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2

ADMIN = "admin@example.com"
MADE: dict[str, dict[str, Any]] = {  # one more of each kind that the demo data lacks, or of which many are deleted
    "rates": {"currency": "CHF", "valid_from": "2026-03-14", "rate": "1.05"},
    "number-series": {"name": "Orders", "kind": "order", "pattern": "O{number}"},
    "legal-entities": {"name": "Harbour Tools Lda"},
    "suppressions": {"address": "away@example.com", "reason": "unsubscribe"},
    "teams": {"name": "Harbour"},
    "roles": {"name": "Harbour"},
    "web-forms": {"name": "Harbour", "target": "core.lead", "fields": [{"field": "name", "is_required": True}]},
    "work-calendars": {"name": "Harbour", "zone": "Europe/Lisbon"},
    "custom-fields": {"label": "Harbour", "entity": "core.lead", "name": "harbour", "kind": "text"},
    "pools": {"name": "Harbour", "entity": "core.deal"},
    "deal-roles": {"name": "Harbour"},
    "pipelines": {"name": "Harbour", "entity": "core.deal"},
    "webhooks": {"name": "Harbour", "url": "https://hooks.example.com/in", "events": "core.contact.*"},
    "companies": {"name": "Harbour"},
    "contacts": {"last_name": "Harbour"},
    "leads": {"name": "Harbour"},
    "deals": {"name": "Harbour"},
    "tags": {"name": "harbour"},
    "lost-reasons": {"name": "Harbour"},
}
PROVIDER = {"key": "corp", "name": "Corp", "issuer": "https://id.example.com", "client_id": "crm"}


class World:
    """Fills an installation through its API; `ids` by the path of a list, `places` and `bodies` by operation."""

    def __init__(self, client: httpx2.Client) -> None:
        self.client = client
        self.paths: dict[str, Any] = client.get("/api/schema/openapi.json").json()["paths"]
        self.ids: dict[str, list[str]] = {}
        self.places: dict[str, list[dict[str, str]]] = {}
        self.bodies: dict[str, list[Any]] = {}
        self.queries: dict[str, dict[str, str]] = {
            "GET /api/v1/views/groups": {"entity": "core.deal", "group": "stage_id"},
            "POST /api/v1/imports": {"entity": "companies"}, "POST /api/v1/imports/preview": {"entity": "companies"},
        }  # fmt: skip
        self.missing: list[str] = []
        self.approver = ""

    def ask(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        """Return an answer; what went wrong is noted and leaves a gap, not an end."""
        answer = self.client.request(method, f"/api/v1/{path}", **given)
        if answer.status_code == 503:  # a busy machine: nothing was stored
            time.sleep(1)
            answer = self.client.request(method, f"/api/v1/{path}", **given)
        if answer.status_code >= 400:
            self.missing.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return {}
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def fill(self) -> None:
        """Make what is missing, then learn the ids of all lists."""
        found = self.ask("GET", "users").get("items", [])
        users = [u["id"] for u in found if u["email"] != ADMIN]
        times = {"starts_at": "2027-05-04T08:00:00Z", "ends_at": "2027-05-08T16:00:00Z"}
        MADE["absences"] = {"note": "Away", "owner_id": users[0], **times}
        for path in MADE:
            self._record(path, users[0])
        self._others(users)
        self._learn()
        self._bodies(users)

    def _record(self, path: str, user: str) -> None:
        """Make two records of a kind, one of them goes to the trash; the other is shared if it can be."""
        name, given = f"/api/v1/{path}/{{record_id}}", MADE[path]
        self.bodies[f"POST /api/v1/{path}"] = [given]
        for number in range(8):
            unique = {
                "valid_from": f"2025-03-{number + 1:02}", "address": f"away{number}@example.com",
                "kind": f"order{number}" if path == "number-series" else given.get("kind"),
                "name": f"harbour_{number}" if path == "custom-fields" else f"Harbour {number}",
            }  # fmt: skip
            other = {**given, **{k: v for k, v in unique.items() if k in given}}
            made = self.ask("POST", path, json=other).get("id")
            if made is None:
                return
            if number % 2 and f"{name}/restore" in self.paths:
                self.ask("DELETE", f"{path}/{made}")
                for way in ("restore", "purge"):
                    if number % 4 == (1 if way == "restore" else 3):
                        self.places.setdefault(f"POST {name}/{way}", []).append({"record_id": made})
            elif f"{name}/shares/{{share_id}}" in self.paths:
                share = self.ask("POST", f"{path}/{made}/shares", json={"user_id": user}).get("id")
                if share is not None:
                    self.places.setdefault(f"DELETE {name}/shares/{{share_id}}", []).append(
                        {"record_id": made, "share_id": share}
                    )

    def _others(self, users: list[str]) -> None:
        for number in range(6):
            file = self.ask("POST", "files/upload", files={"file": (f"{number}.txt", b"text")})
            if number % 2 and file:
                self.ask("DELETE", f"files/{file['id']}")
                way = "restore" if number % 4 == 1 else "purge"
                self.places.setdefault(f"POST /api/v1/files/{{record_id}}/{way}", []).append({"record_id": file["id"]})
            self.ask("POST", "sso/providers", json={**PROVIDER, "key": f"corp{number}"})
            self.ask("POST", "connection-providers", json={**PROVIDER, "key": f"mail{number}"})
            self.ask("POST", "users/invite", json={"email": f"guest{number}@example.com"})
        deals = [d["id"] for d in self.ask("GET", "deals").get("items", [])]
        for deal in deals[:6]:
            self.approver = next((u for u in users if self._may_decide(u, deal)), self.approver)
            self.ask("POST", "reminders", json={"about": f"core.deal:{deal}", "at": "2030-03-14T09:30:00Z"})
        for name in ("One", "Two"):
            run = self.ask(
                "POST", "imports", params={"entity": "companies"}, content=f"name\nImported {name}\n".encode(),
                headers={"content-type": "text/csv"},
            )  # fmt: skip
            if run:
                for way in ("GET /api/v1/imports/{import_id}", "GET /api/v1/imports/{import_id}/errors"):
                    self.places.setdefault(way, []).append({"import_id": run["id"]})

    def _may_decide(self, user: str, deal: str) -> bool:
        """Ask a user about a deal; return whether they see it, which who decides must."""
        asked = {"about": f"core.deal:{deal}", "title": "May I?", "steps": [{"users": [user]}]}
        return self.client.post("/api/v1/approvals", json=asked).is_success

    def _learn(self) -> None:
        """Note the ids of every list; without the caller's own user and roles, which calls would take away."""
        for path, methods in self.paths.items():
            if "get" not in methods or "{" in path:
                continue
            answer = self.client.get(path)
            items = answer.json().get("items", []) if answer.headers["content-type"] == "application/json" else []
            kept = [i for i in items if isinstance(i, dict) and "id" in i and i.get("email") != ADMIN]
            if path == "/api/v1/roles":
                kept = [i for i in kept if str(i["name"]).startswith("Harbour")]
            if kept:
                self.ids[path] = [str(i["id"]) for i in kept]
            if path == "/api/v1/settings":
                self.ids[path] = [i["name"] for i in items if i["name"] == "core.organisation"]

    def _bodies(self, users: list[str]) -> None:
        first = {path.rpartition("/")[2]: ids for path, ids in self.ids.items()}
        for path, kind in (("companies", "company"), ("contacts", "contact"), ("leads", "lead"), ("deals", "deal")):
            ids = first.get(path, [])[-6:]
            self.bodies[f"POST /api/v1/{path}/{{record_id}}/merge"] = [{"losers": [i]} for i in ids]
            self.bodies[f"POST /api/v1/{path}/{{record_id}}/merge_into"] = [{"into": i} for i in ids]
            self.bodies[f"POST /api/v1/{path}/{{record_id}}/shares"] = [{"user_id": users[0]}]
            self.bodies.setdefault("POST /api/v1/duplicates/dismiss", []).append(
                {"entity": f"core.{kind}", "first": ids[0], "second": ids[1]}
            )
        for path in ("absences", "files", "webhooks", "web-forms"):
            self.bodies[f"POST /api/v1/{path}/{{record_id}}/shares"] = [{"user_id": users[0]}]
        pools = self.ask("GET", "pools").get("items", [])
        for kind in ("deal", "lead"):
            fit = [{"pool_id": p["id"]} for p in pools if p["entity"] == f"core.{kind}"]
            self.bodies[f"POST /api/v1/{kind}s/{{record_id}}/assign_by_pool"] = fit
        stages = self.ask("GET", "stages").get("items", [])
        self.bodies["POST /api/v1/deals/{record_id}/move"] = [{"stage_id": s["id"]} for s in stages]
        for pipeline in first.get("pipelines", []):
            mine = [s["id"] for s in stages if s["pipeline_id"] == pipeline]
            if mine:
                way = "POST /api/v1/pipelines/{record_id}/order"
                self.bodies.setdefault(way, []).append({"stages": mine})
                self.places.setdefault(way, []).append({"record_id": pipeline})
        deal = f"core.deal:{first['deals'][0]}"
        self.bodies |= {
            "POST /api/v1/approvals": [{"about": deal, "title": "May I?", "steps": [{"users": [self.approver]}]}],
            "POST /api/v1/approvals/{approval_id}/withdraw": [{}],
            "POST /api/v1/approvals/{approval_id}/decide": [{"decision": "approve"}],
            "POST /api/v1/reminders": [{"about": deal, "at": "2031-03-14T09:30:00Z"}],
            "POST /api/v1/mail/test": [{"to": "ada@example.com"}],
            "POST /api/v1/sso/providers": [{**PROVIDER, "key": f"c{n}"} for n in range(20)],
            "PUT /api/v1/sso/providers/{provider_id}": [{**PROVIDER, "key": "corp"}],
            "POST /api/v1/connection-providers": [{**PROVIDER, "key": f"c{n}"} for n in range(20)],
            "PUT /api/v1/connection-providers/{provider_id}": [{**PROVIDER, "key": f"d{n}"} for n in range(9)],
            "PATCH /api/v1/webhooks/{record_id}": [{"name": "Other"}],
            "POST /api/v1/webhooks/{record_id}/replay": [{"since": "2026-03-14T09:30:00Z"}],
            "PATCH /api/v1/settings/{group}": [{"website": "https://example.com"}],
            "POST /api/v1/files": [{"name": "a.txt", "parent": f"core.company:{first['companies'][0]}"}],
            "POST /api/v1/users/{user_id}/hand-over": [{"to": users[0]}],
        }

    def told(self) -> dict[str, Any]:
        """Return what the hooks read."""
        bodies = {k: list(_unique(v)) for k, v in self.bodies.items()}
        return {"ids": self.ids, "places": self.places, "bodies": bodies, "queries": self.queries}


def _unique(bodies: list[Any]) -> Iterator[Any]:
    seen: list[Any] = []
    for body in bodies:
        if body not in seen:
            seen.append(body)
            yield body
