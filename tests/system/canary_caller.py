"""A caller who writes a string that must not leak wherever one may write."""

from __future__ import annotations

import json
from itertools import cycle
from typing import Any

import httpx2

from local.loopback import TRUSTS_NOBODY
from tests.system.canary_search import CANARIES
from tests.system.guarded import GuardedStack

OPEN = {"queued", "assigned", "validating", "in_progress", "finalizing", "cancelling"}
FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 429},
    {"kind": "disconnect"},
    {"kind": "malformed"},
]


class Caller:
    """Posts whatever it is given, with the next canary wherever a caller may write."""

    def __init__(self, guarded: GuardedStack) -> None:
        self.stack = guarded.stack
        self.canaries = cycle(CANARIES)
        self.statuses: list[int] = []

    def post(self, path: str, body: Any, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._send("POST", path, content, headers)

    def get(self, path: str, **headers: str) -> Any:
        return self._send("GET", path, b"", headers)

    def _send(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> Any:
        sent = {"authorization": f"Bearer {self.stack.world.api_key}", **headers}
        with httpx2.Client(trust_env=False, verify=TRUSTS_NOBODY, timeout=60) as client:
            url = self.stack.world.endpoint + path
            answer = client.request(method, url, content=content, headers=sent)
        self.statuses.append(answer.status_code)
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json else None

    def chat(self, text: str, **fields: Any) -> dict[str, Any]:
        said = [{"role": "user", "content": f"[echo {text}]"}]
        return {"model": "gpt-6-luna", "messages": said, "max_completion_tokens": 60, **fields}

    def message(self, text: str, **fields: Any) -> dict[str, Any]:
        said = [{"role": "user", "content": f"[echo {text}]"}]
        return {"model": "claude-haiku-5-5", "messages": said, "max_tokens": 60, **fields}

    def everywhere(self) -> None:
        for text in CANARIES:
            self.post("/v1/chat/completions", self.chat(text))
        for _ in range(2):
            for stream in (False, True):
                self.post("/v1/chat/completions", self.chat(next(self.canaries), stream=stream))
                self.post("/v1/messages", self.message(next(self.canaries), stream=stream))
        self.post("/v1/messages/count_tokens", self.message(next(self.canaries)))
        self.refusals()

    def deferred(self) -> list[str]:
        """Calls that may wait, of both doors; the jobs' ids."""
        door = {
            "/v1/chat/completions": self.chat,
            "/v1/messages": self.message,
        }
        jobs = []
        for path, body in door.items():
            for deadline in ("1h", "24h"):
                said = body(next(self.canaries) + " later")
                jobs.append(self.post(path, said, **{"x-sluice-deadline": deadline})["id"])
        self.get(f"/v1/jobs/{next(self.canaries).replace(' ', '-')}")
        return jobs

    def files(self) -> None:
        """A batch by file and one by upload, each with lines that are none."""
        client = self.stack.client()
        good = [self.line(n, self.chat(next(self.canaries) + " in a file")) for n in range(6)]
        bad = [
            self.line(7, self.chat("x", **{next(self.canaries): 1})),
            self.line(8, {**self.chat("x"), "model": next(self.canaries)}),
            {**self.line(9, self.chat("x")), "url": f"/v1/{next(self.canaries)}"},
        ]
        lines = [json.dumps(each) for each in (*good, *bad)]
        content = "\n".join([*lines, f'{{"custom_id": "{next(self.canaries)}", ']).encode()
        name = f"{next(self.canaries)}.jsonl"
        file = client.files.create(file=(name, content), purpose="batch")
        self.batch(file.id)
        upload = client.uploads.create(
            bytes=len(content), filename=name, mime_type="application/jsonl", purpose="batch"
        )
        part = client.uploads.parts.create(upload.id, data=content)
        done = client.uploads.complete(upload.id, part_ids=[part.id])
        assert done.file is not None
        self.batch(done.file.id)
        none = f"{next(self.canaries)}\nis no JSON".encode()
        self.batch(client.files.create(file=("none", none), purpose="batch").id)

    def batch(self, file_id: str) -> None:
        endpoint = "/v1/chat/completions"
        asked = {"input_file_id": file_id, "endpoint": endpoint, "completion_window": "24h"}
        self.post("/v1/batches", asked)
        self.post("/v1/batches", {**asked, "completion_window": next(self.canaries)})

    def line(self, number: int, body: dict[str, Any]) -> dict[str, Any]:
        name = f"{number} {next(self.canaries)}"
        return {
            "custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body,
        }  # fmt: skip

    def message_batches(self) -> None:
        requests = [
            {"custom_id": f"r{n}", "params": self.message(next(self.canaries) + " in a batch")}
            for n in range(4)
        ]
        self.post("/v1/messages/batches", {"requests": requests})
        senseless = {"custom_id": next(self.canaries), "params": self.message("x")}
        self.post("/v1/messages/batches", {"requests": [senseless]})

    def results(self) -> None:
        """Read whatever is to be read, as the callers do."""
        for path in ("/v1/files", "/v1/batches", "/v1/messages/batches", "/v1/models"):
            self.get(path)
        for path in ("/v1/usage", "/v1/budget", "/health"):
            self.get(path)
        for file in self.get("/v1/files")["data"]:
            self.get(f"/v1/files/{file['id']}/content")
        for batch in self.get("/v1/messages/batches")["data"]:
            self.get(f"/v1/messages/batches/{batch['id']}/results")

    def opinions(self) -> None:
        """Feedback with a corrected answer, which is counted and not kept."""
        answer = self.stack.client().chat.completions.with_raw_response.create(
            model="gpt-6-luna",
            messages=[{"role": "user", "content": next(self.canaries) + " again"}],
            max_completion_tokens=20,
        )
        request_id = answer.headers["x-sluice-request-id"]
        said = {"request_id": request_id, "corrected": next(self.canaries)}
        assert self.post("/v1/feedback", said)["corrected"] is True
        self.post("/v1/feedback", {"request_id": request_id, "outcome": next(self.canaries)})

    def under_way(self, jobs: list[str]) -> list[str]:
        """Which jobs and batches are not over yet."""
        shown = {job: self.get(f"/v1/jobs/{job}")["status"] for job in jobs}
        left = [job for job, status in shown.items() if status in OPEN]
        found = self.get("/v1/batches?limit=100")["data"]
        claudes = self.get("/v1/messages/batches?limit=100")["data"]
        left += [each["id"] for each in found if each["status"] in OPEN]
        return left + [b["id"] for b in claudes if b["processing_status"] != "ended"]

    def refusals(self) -> None:
        """Bad input of every kind: the error names the field, the record holds no value."""
        text = next(self.canaries)
        self.post("/v1/chat/completions", self.chat(text, **{next(self.canaries): text}))
        self.post("/v1/chat/completions", {**self.chat(text), "model": next(self.canaries)})
        self.post("/v1/chat/completions", {**self.chat(text), "temperature": next(self.canaries)})
        self.post("/v1/chat/completions", b'{"messages": "' + text.encode())
        self.post("/v1/messages", {**self.message(text), "system": {"x": next(self.canaries)}})
        self.post("/v1/feedback", {"request_id": next(self.canaries), "outcome": "success"})
        self.get(f"/v1/{httpx2.URL('/' + text.replace(' ', '-')).path}")
        self.get(f"/v1/usage?group_by={text.replace(' ', '-')}")
        self.post("/v1/chat/completions", self.chat(text), authorization=f"Bearer {CANARIES[0]}")
        self.post("/v1/chat/completions", self.chat(text), authorization=f"Bearer {CANARIES[12]}")
        self.post("/v1/chat/completions", self.chat(text), **{"idempotency-key": CANARIES[1]})
        self.post("/v1/chat/completions", self.chat(text), **{"x-sluice-task": CANARIES[20]})
        self.post("/v1/chat/completions", self.chat(text), **{"x-other-header": CANARIES[21]})

    def faults(self) -> None:
        for fault in FAULTS:
            for stream in (False, True):
                self.stack.fault(fault)
                text = f"{next(self.canaries)} {fault} {stream}"
                self.post("/v1/chat/completions", self.chat(text, stream=stream))
                self.stack.recover()
