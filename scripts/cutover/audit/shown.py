"""Holds an audited run against what was planted, and its drift table against what was changed by hand.

`shown.py by-hand FROM TO`: writes the last baseline of FROM to TO, with metrics changed.
`shown.py report REPORTS RUN DRIFT PLANTED LOAD`: appends to REPORTS/audit_full.md what was shown, or ends with 1 and what does not
hold. DRIFT is what `lakectl audit drift --json` says of RUN beside the changed baseline, PLANTED what records.py has left, LOAD the
report of the harness.
"""

import json
import re
import sys
from pathlib import Path

# More than the tolerance of a tenth, gone to nothing, not known: each is drift. A twentieth is none.
DRIFTED = {"p3_accepted": lambda n: 2 * n, "p4_sft_rows": lambda n: 0, "p4_pref_pairs": lambda n: None}
WITHIN = {"p2_evidence_rows": lambda n: n + n // 20}
EXPORTS = ["exports/retrieval.jsonl", "exports/fine_tuning.jsonl", "exports/preferences.jsonl"]


class Broken(Exception):
    """Something that must hold does not."""


def ensure(holds, what):
    if not holds:
        raise Broken(what)


def rows(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def by_hand(log, changed):
    baseline = json.loads(log.read_text().splitlines()[-1])
    for metric, change in {**DRIFTED, **WITHIN}.items():
        baseline[metric] = change(baseline[metric])
    changed.write_text(json.dumps(baseline) + "\n")


def whole(report):
    """Twelve of twelve, with tests that ran and counts that say something."""
    failed = [check["name"] for check in report["checks"] if not check["passed"]]
    ensure(report["passed"] and report["checks_passed"] == 12, f"not all 12 checks passed: {failed}")
    ensure(report["baseline_appended"], "no baseline was appended")
    tests = next(check["detail"] for check in report["checks"] if check["name"] == "tests_pass")
    ensure(re.search(r"\b[1-9]\d* passed", tests), f"phase 1 ran no test: {tests}")
    empty = [metric for metric, count in report["metrics"].items() if not count]
    ensure(len(report["metrics"]) == 10 and not empty, f"metrics that count nothing: {empty}")


def drift_seen(lines):
    drifted = {line["metric"] for line in lines if line["is_drift"]}
    ensure(drifted == set(DRIFTED), f"drifted by hand: {sorted(DRIFTED)}; seen: {sorted(drifted)}")
    moved = {line["metric"] for line in lines if line["before"] != line["now"]}
    ensure(moved == {*DRIFTED, *WITHIN}, f"the table shows changes of {sorted(moved)}")


def number_kept_in(run, reports, planted):
    """The rows of quarantine for what was planted."""
    digits = re.compile(r"(?<!\d)" + r"[^0-9A-Za-z]{0,3}".join(re.sub(r"\D", "", planted["number"])) + r"(?!\d)")
    inputs = "".join((run / f"inputs/{name}.jsonl").read_text() for name in ("events", "pathways"))
    ensure(len(digits.findall(inputs)) == len(planted["planted"]), "the planted records are not among the inputs")
    outputs = [file for file in run.rglob("*") if file.is_file() and file.parent.name != "inputs"]
    for file in [*outputs, *reports.glob("audit_full.*")]:
        ensure(not digits.search(file.read_text()), f"{file.name} holds the planted number")

    kept, quarantine = [], rows(run / "quarantine.jsonl")
    exported = [rows(run / name) for name in EXPORTS]
    for record in planted["planted"]:
        mine = [row for row in quarantine if (row["source"], row["origin"]) == (record["source"], record["origin"])]
        ensure(
            [row["reason"] for row in mine] == ["pii"] and record["rule"] in mine[0]["rules"],
            f"quarantine has {mine} for {record}",
        )
        ensure(mine[0]["id"] not in [row["id"] for row in exported[0]], f"{record} is exported for retrieval")
        kept += mine
    beside = [row["id"] for row in rows(run / "evidence.jsonl") if row["origin"] == planted["beside"]]
    ensure(
        len(beside) == 1 and beside[0] in [row["id"] for row in exported[0]],
        "the record that differs by the number alone is not exported, so that its absence proves nothing",
    )
    return kept, len(outputs)


def table(header, lines):
    cells = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in cells)


def report(reports, run, drift_file, planted_file, load_file):
    told = json.loads((reports / "audit_full.json").read_text())
    lines = json.loads(drift_file.read_text())["drift"]["lines"]
    whole(told)
    drift_seen(lines)
    kept, looked_into = number_kept_in(run, reports, json.loads(planted_file.read_text()))
    load = json.loads(load_file.read_text())["phases"][0]
    drifted = [[line["metric"], line["before"], line["now"], "drift" if line["is_drift"] else ""] for line in lines]
    quarantined = [[row["source"], row["origin"], row["reason"], ", ".join(row["rules"])] for row in kept]
    append(
        reports,
        f"The stack had run the load harness before: {load['played']} scenarios by {load['users']} users in "
        f"{load['elapsed_s']:.0f} s, {load['failed']} failed. Drafts to workers, their verdicts and the records below were added.\n\n"
        f"**Drift by hand.** {', '.join(DRIFTED)} were changed in a copy of the baseline, {', '.join(WITHIN)} by less than the tolerance:\n\n"
        f"{table(['metric', 'changed baseline', 'now', ''], drifted)}\n\n"
        f"**A planted social security number.** {len(kept)} records hold it. They are in quarantine, which repeats no text. None of the "
        f"{looked_into} files that the run makes of its inputs, nor this report, has the number; a record that differs by it alone is exported:\n\n"
        f"{table(['kept by', 'record', 'reason', 'rules'], quarantined)}\n",
    )
    print("audit.sh: 12 of 12 checks passed, the drift by hand is seen, the planted number is in quarantine and nowhere else")


def append(reports, text):
    with (reports / "audit_full.md").open("a") as file:
        file.write(f"\n## What `make audit` has shown\n\n{text}")


command, *paths = sys.argv[1:]
if command == "by-hand":
    by_hand(*map(Path, paths))
    sys.exit()
try:
    report(*map(Path, paths))
except Broken as broken:
    append(Path(paths[0]), f"**Failed**: {broken}\n")
    sys.exit(f"audit.sh: {broken}")
