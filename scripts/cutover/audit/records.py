"""Leaves on a stack that the load harness has used what a day of work leaves beside playbooks, through the gateway.

`records.py GATEWAY PLANTED`: drafts to the workers found for orders, judged by the validators; drafts that nobody has judged yet; an
event that asks for nothing; and three records with a social security number, beside one that differs by the number alone. PLANTED
becomes a JSON file that says what was planted where, with the number.
"""

import json
import random
import sys
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

ORDERS = 24
# Every so many orders somebody has left a placeholder in a draft of their own, and one waits for its judgement.
SPOILT_EVERY, WAITING_EVERY = 3, 8
# matrixd knows no model of this name, so that its template writes: the small model of a development build takes minutes.
NO_MODEL = "template"

gateway, planted_file = sys.argv[1].rstrip("/"), Path(sys.argv[2])


def post(path, body):
    request = urllib.request.Request(
        gateway + path, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)


def orders():
    """Roles and places that the corpus has most workers for."""
    sql = "SELECT role, area FROM staffing.workers GROUP BY role, area ORDER BY count(*) DESC, role, area"
    return post("/v1/sql", {"sql": f"{sql} LIMIT {ORDERS}"})["rows"]


def keep(goal, role, letter, judged, source):
    """A pathway with the verdict of the validators, if there is one yet."""
    content = {
        "goal": goal,
        "role": role,
        "steps": [f"{letter['subject']}\n\n{letter['body']}"],
        "tags": ["draft"],
        "provenance": {"actor": "audit", "written_by": source},
    }
    if judged is not None:
        content["result"] = {"outcome": "passed" if judged else "failed"}
    post("/v1/pathways", content)


def write_to_worker(number, role, area):
    search = {"query_text": f"{role} in {area}", "corpora": ["workers"], "filter": {"role": role}, "k": 1}
    worker = post("/v1/matrix/search", search)["results"][0]
    known = worker["metadata"]
    facts = {"location": area, "shift": known["shift"], "pay": f"${known['hourly_pay']} an hour"}
    request = {"worker": worker["id"], "role": role, "channel": "email", "facts": facts, "model": NO_MODEL}
    answer = post("/v1/matrix/draft", request)
    letter, goal = answer["draft"], f"Write to {known['name']} about work in {area}, {known['shift']} shift."
    keep(goal, role, letter, None if number % WAITING_EVERY == 0 else answer["ok"], answer["source"])
    if number % SPOILT_EVERY == 1:
        spoilt = {**letter, "body": letter["body"].replace(known["name"], "{{name}}")}
        judged = post("/v1/matrix/validate/email", spoilt)
        keep(goal, role, spoilt, judged["ok"], "hand")


def record_event(identity, attributes):
    time = datetime.now(timezone.utc).isoformat()
    event = {"id": identity, "kind": "audit.noted", "time": time, "attributes": attributes}
    post("/v1/observer/events", {"events": [event]})


def drawn_number():
    """By lot, from areas of which none was given before 2011; no name stands beside it."""
    return f"{random.randint(773, 899)}-{random.randint(10, 99)}-{random.randint(1000, 9999)}"


def plant(number):
    goal, steps = "Call her back about the night shift.", ["Called her back, she comes on Monday."]
    pathway = {"goal": goal, "steps": steps, "score": 1.0}
    trace = {**pathway, "steps": [*steps, f"Took {number} down for the form."]}
    aside = {**pathway, "provenance": {"ssn": int(number.replace("-", ""))}}
    told = {"query": goal, "answer": f"She says that her SSN is {number}.", "outcome": "succeeded"}
    record_event("planted", told)
    planted = [
        {"source": "pathways", "origin": post("/v1/pathways", trace)["id"], "rule": "ssn_formatted"},
        {"source": "pathways", "origin": post("/v1/pathways", aside)["id"], "rule": "ssn_labelled"},
        {"source": "events", "origin": "planted", "rule": "ssn_labelled"},
    ]
    return {"number": number, "planted": planted, "beside": post("/v1/pathways", pathway)["id"]}


for number, (role, area) in enumerate(orders()):
    write_to_worker(number, role, area)
record_event("drafts", {"written": ORDERS})
planted_file.write_text(json.dumps(plant(drawn_number())))
