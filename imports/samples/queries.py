"""The SQL and the Python of a sample's nodes: labels and code with words of an area."""

from imports.samples.areas import Area
from imports.samples.chance import Chance

READ, WRITE, SUM = "read", "write", "sum"

_QUERIES = {
    READ: (
        (
            "Read open @plural@",
            "SELECT @numberColumn@, @column1@, @column3@, @column4@, @column5@, state\n"
            "FROM @table@\nWHERE state IN ('@state1@', '@state2@')\n"
            "  AND changed_at > now() - interval '1 day'\nORDER BY @column5@\nLIMIT 500",
        ),
        (
            "Find the @party@",
            "SELECT id, name, country, language, is_blocked\nFROM @partyColumn@\n"
            "WHERE lower(email) = lower($1) OR reference = $2\nLIMIT 1",
        ),
        (
            "@Noun@ with its history",
            "SELECT t.*, h.state AS last_state, h.changed_by, h.changed_at AS last_change\n"
            "FROM @table@ t\nLEFT JOIN LATERAL (\n  SELECT state, changed_by, changed_at\n"
            "  FROM @table@_history\n  WHERE @numberColumn@ = t.@numberColumn@\n"
            "  ORDER BY changed_at DESC\n  LIMIT 1\n) h ON true\nWHERE t.@numberColumn@ = $1",
        ),
        (
            "@Plural@ not sent yet",
            "SELECT *\nFROM @table@\nWHERE sent_at IS DISTINCT FROM changed_at\n"
            "ORDER BY changed_at\nLIMIT 200\nFOR UPDATE SKIP LOCKED",
        ),
    ),
    WRITE: (
        (
            "Write the @noun@",
            "INSERT INTO @table@ (@numberColumn@, @column1@, @column2@, @column4@, @column5@)\n"
            "VALUES ($1, $2, $3, $4, $5)\nON CONFLICT (@numberColumn@) DO UPDATE SET\n"
            "  @column2@ = excluded.@column2@,\n  @column4@ = excluded.@column4@,\n"
            "  changed_at = now()\nRETURNING id",
        ),
        (
            "Set it @state2@",
            "UPDATE @table@\nSET state = '@state2@', changed_by = 'flows', changed_at = now()\n"
            "WHERE @numberColumn@ = $1 AND state = '@state1@'",
        ),
        (
            "Write the journal",
            "INSERT INTO flow_journal (flow, reference, message, at)\nVALUES ($1, $2, $3, now())",
        ),
    ),
    SUM: (
        (
            "@Plural@ by state",
            "SELECT state, count(*) AS count, sum(@column4@) AS total, min(@column5@) AS oldest\n"
            "FROM @table@\nWHERE @column5@ >= date_trunc('month', now())\n"
            "GROUP BY state\nORDER BY count DESC",
        ),
        (
            "Figures of the month",
            "WITH months AS (\n  SELECT date_trunc('month', @column5@) AS month,\n"
            "         @column3@ AS part,\n         count(*) AS count,\n"
            "         sum(@column4@) AS total\n  FROM @table@\n  WHERE state <> '@state4@'\n"
            "  GROUP BY 1, 2\n)\nSELECT part, month, count, total,\n"
            "       total - lag(total) OVER (PARTITION BY part ORDER BY month) AS difference\n"
            "FROM months\nWHERE month >= now() - interval '13 months'\nORDER BY part, month",
        ),
    ),
}
_PYTHON = (
    (
        "Read the CSV",
        """\
import csv
import io

reader = csv.DictReader(io.StringIO(payload["text"]), delimiter=";")
rows, faults = [], []
for line, row in enumerate(reader, start=2):
    try:
        rows.append({
            "@number@": row["@number@"].strip(),
            "@field1@": row["@field1@"].strip() or None,
            "@amount@": float(row["@amount@"].replace(",", ".")),
            "@day@": row["@day@"],
        })
    except (KeyError, ValueError) as error:
        faults.append({"line": line, "reason": str(error)})

result = {"rows": rows, "faults": faults}
""",
    ),
    (
        "Find outliers",
        """\
from statistics import mean, stdev

values = [row["@amount@"] for row in payload["rows"] if row["@amount@"] is not None]
if len(values) < 10:
    result = {"outliers": [], "reason": "too few @plural@"}
else:
    middle, spread = mean(values), stdev(values)
    result = {
        "outliers": [
            row for row in payload["rows"]
            if spread and abs(row["@amount@"] - middle) > 3 * spread
        ],
        "mean": round(middle, 2),
        "stdev": round(spread, 2),
    }
""",
    ),
    (
        "Group by @field3@",
        """\
from collections import defaultdict
from datetime import date

groups = defaultdict(list)
for row in payload["rows"]:
    groups[row.get("@field3@") or "none"].append(row)

today = date.fromisoformat(payload["today"])
result = []
for key, rows in sorted(groups.items()):
    late = [row for row in rows if date.fromisoformat(row["@day@"]) < today]
    result.append({
        "@field3@": key,
        "count": len(rows),
        "late": len(late),
        "total": sum(row["@amount@"] for row in rows),
    })
""",
    ),
)


def make_query(chance: Chance, area: Area, purpose: str) -> tuple[str, str]:
    """Return the label and the SQL of a node that reads, writes or sums."""
    label, query = chance.pick(_QUERIES[purpose])
    return area.fill(label), area.fill(query)


def make_python(chance: Chance, area: Area) -> tuple[str, str]:
    """Return the label and the Python of a node."""
    label, code = chance.pick(_PYTHON)
    return area.fill(label), area.fill(code).removesuffix("\n")
