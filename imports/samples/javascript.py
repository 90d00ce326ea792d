"""The JavaScript of a sample's nodes: by purpose, labels and code with words of an area."""

from imports.samples.areas import Area
from imports.samples.chance import Chance

CHECK, MAP, COMBINE, SUMMARISE, VERIFY = ("check", "map", "combine", "summarise", "verify")
READ_MESSAGE, READ_ANSWER, READ_EVENT = ("message", "answer", "event")

_CODE = {
    CHECK: (
        (
            "Check the @noun@",
            """\
const problems = [];
if (!/^@prefix@-\\d{6}$/.test(input.@number@ ?? '')) problems.push('@number@ is missing or wrong');
for (const key of ['@field1@', '@field2@', '@field3@']) {
  if (!input[key]) problems.push(`${key} is missing`);
}
if (Number.isNaN(Date.parse(input.@day@))) problems.push('@day@ is no day');
return { ...input, problems, isValid: problems.length === 0 };
""",
        ),
        (
            "Refuse half @plural@",
            """\
const required = ['@number@', '@field1@', '@amount@'];
const missing = required.filter((key) => input[key] === undefined || input[key] === '');
if (missing.length) {
  log.warn(`@noun@ without ${missing.join(', ')}`);
}
return { ...input, isValid: missing.length === 0, problems: missing };
""",
        ),
    ),
    MAP: (
        (
            "To @system@",
            """\
return {
  externalId: input.@number@,
  @field1@: input.@field1@?.trim(),
  @field2@: input.@field2@ ?? null,
  @amount@: round(input.@amount@),
  @day@: toDay(input.@day@),
  site: '@siteSlug@',
  changedBy: 'flows',
};
""",
        ),
        (
            "To @partner@",
            """\
const lines = input.@items@ ?? [input];
return lines.map((line, at) => ({
  position: at + 1,
  reference: `${line.@number@}/@siteSlug@`,
  description: [line.@field1@, line.@field2@].filter(Boolean).join(', '),
  value: round(line.@amount@),
  on: toDay(line.@day@),
}));
""",
        ),
        (
            "Only what is needed",
            """\
const { @number@, @field1@, @field3@, @amount@ } = input;
return { @number@, @field1@, @field3@, @amount@: Number(@amount@), at: new Date().toISOString() };
""",
        ),
    ),
    COMBINE: (
        (
            "Combine both",
            """\
const known = new Map(results.left.rows.map((row) => [row.@numberColumn@, row]));
const found = [];
const unknown = [];
for (const @item@ of results.right.items) {
  const row = known.get(@item@.@number@);
  if (row) found.push({ ...row, ...@item@ });
  else unknown.push(@item@);
}
log.info(`${found.length} @plural@ found, ${unknown.length} unknown`);
return { found, unknown };
""",
        ),
        (
            "Add the @party@",
            """\
const byId = Object.fromEntries(results.left.rows.map((row) => [row.id, row]));
return input.items.map((@item@) => {
  const @partyItem@ = byId[@item@.@partyItem@Id];
  if (!@partyItem@) return { ...@item@, @partyItem@: null, isComplete: false };
  const { name, country } = @partyItem@;
  return { ...@item@, @partyItem@: name, country, isComplete: true };
});
""",
        ),
    ),
    SUMMARISE: (
        (
            "Sums by @field3@",
            """\
const sums = {};
for (const row of input.rows) {
  const key = row.@column3@ || 'none';
  sums[key] ??= { count: 0, total: 0, oldest: row.@column5@ };
  sums[key].count += 1;
  sums[key].total = round(sums[key].total + Number(row.@column4@));
  if (row.@column5@ < sums[key].oldest) sums[key].oldest = row.@column5@;
}
const groups = Object.entries(sums).sort(([, a], [, b]) => b.total - a.total);
return { groups, total: round(groups.reduce((sum, [, group]) => sum + group.total, 0)) };
""",
        ),
        (
            "Text of the message",
            """\
const shown = input.rows.slice(0, 20);
const lines = shown.map((row) => `- ${row.@numberColumn@}: ${row.@column1@}, ${row.state}`);
const more = input.rows.length - shown.length;
if (more > 0) lines.push(`and ${more} more`);
return { subject: `${input.rows.length} @plural@ (@site@)`, text: lines.join('\\n') };
""",
        ),
    ),
    READ_MESSAGE: (
        (
            "Read the message",
            """\
const [, number] = /\\b(@prefix@-\\d{6})\\b/.exec(`${input.subject}\\n${input.text}`) ?? [];
const text = input.text.split(/^> /m)[0].trim().slice(0, 4000);
return { @number@: number ?? null, from: input.from, subject: input.subject, text };
""",
        ),
    ),
    READ_ANSWER: (
        (
            "Read the answer",
            """\
let answer;
try {
  answer = JSON.parse(input.content);
} catch (error) {
  log.warn(`no JSON: ${error.message}`);
  answer = { topic: 'other', isUrgent: false };
}
const topic = String(answer.topic).toLowerCase();
return { ...results.message, topic, isUrgent: answer.isUrgent === true };
""",
        ),
    ),
    READ_EVENT: (
        (
            "Read the event",
            """\
const { type, data, occurredAt } = JSON.parse(input.payload);
if (Date.now() - Date.parse(occurredAt) > 15 * 60 * 1000) {
  log.warn(`late event ${type} of ${occurredAt}`);
}
return { type, @number@: data.@number@, state: data.state ?? '@state1@', ...data };
""",
        ),
    ),
    VERIFY: (
        (
            "Verify the signature",
            """\
const expected = crypto
  .createHmac('sha256', secrets.SIGNING_KEY)
  .update(input.rawBody)
  .digest();
const given = Buffer.from(input.headers['x-@siteSlug@-signature'] ?? '', 'base64');
if (given.length !== expected.length || !crypto.timingSafeEqual(given, expected)) {
  throw new FlowError(401, 'The signature is wrong');
}
return JSON.parse(input.rawBody);
""",
        ),
    ),
}
_HEADERS = (
    "// Agreed with @team@ @site@: an empty @field1@ is no fault.\n",
    "// The @party@ sends @amount@ with a comma, see the ticket about rounding.\n",
    "// @partner@ takes at most 200 @plural@ in one request.\n",
    "// TODO ask @team@ whether @field2@ is still used.\n",
    "/*\n * Same rules as the form of @system@. Change both.\n"
    " * 1. @number@ is given once\n * 2. @amount@ is never negative\n"
    " * 3. days are those of @site@\n */\n",
)
_HELPERS = (
    (
        "round(",
        "const round = (value) => Math.round((Number(value) || 0) * 100) / 100;\n",
    ),
    (
        "toDay(",
        """\
function toDay(value) {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) return null;
  return date.toISOString().slice(0, 10);
}
""",
    ),
)
_EXTRAS = (
    """\
// The old system spelled the states differently.
const states = {
  N: '@state1@',
  O: '@state2@',
  D: '@state3@',
  X: '@state4@',
};
if (input.state in states) input.state = states[input.state];
""",
    """\
function normalise(text) {
  return String(text ?? '')
    .normalize('NFC')
    .replace(/\\s+/g, ' ')
    .trim();
}
input.@field1@ = normalise(input.@field1@);
input.@field2@ = normalise(input.@field2@);
""",
    """\
const since = new Date();
since.setDate(since.getDate() - 30);
if (Date.parse(input.@day@) < since.getTime()) {
  log.info(`${input.@number@}: older than 30 days`);
}
""",
    """\
const [whole, cents = '00'] = String(input.@amount@ ?? '0').replace(/[^\\d,.-]/g, '').split(/[.,]/);
input.@amount@ = Number(`${whole}.${cents.padEnd(2, '0').slice(0, 2)}`);
if (input.@amount@ < 0) throw new FlowError(422, '@amount@ is negative');
""",
    """\
async function fetchAgain(url, options, tries = 3) {
  for (let at = 1; ; at += 1) {
    const response = await fetch(url, options);
    if (response.ok || at === tries) return response;
    log.warn(`${url} answered ${response.status}, try ${at} of ${tries}`);
    await new Promise((resolve) => setTimeout(resolve, at * 1500));
  }
}
""",
    """\
const holidays = ['01-01', '05-01', '12-25', '12-26'];
function isWorkingDay(date) {
  const day = date.getUTCDay();
  return day !== 0 && day !== 6 && !holidays.includes(date.toISOString().slice(5, 10));
}
function addWorkingDays(from, count) {
  const date = new Date(from);
  let left = count;
  while (left > 0) {
    date.setUTCDate(date.getUTCDate() + 1);
    if (isWorkingDay(date)) left -= 1;
  }
  return date;
}
input.answerUntil = addWorkingDays(Date.now(), 3).toISOString().slice(0, 10);
""",
    """\
// Names of the columns in the file of the @party@, in its order.
const columns = [
  '@number@',
  '@field1@',
  '@field2@',
  '@field3@',
  '@amount@',
  '@day@',
];
const asRow = (values) => Object.fromEntries(columns.map((key, at) => [key, values[at] ?? '']));
""",
    """\
const seen = new Set(state.get('seen') ?? []);
if (seen.has(input.@number@)) {
  log.info(`${input.@number@} was here before`);
  return null;
}
seen.add(input.@number@);
state.set('seen', [...seen].slice(-1000));
""",
)


def make_javascript(chance: Chance, area: Area, purpose: str) -> tuple[str, str]:
    """Return the label and the code of a node of this purpose."""
    label, code = chance.pick(_CODE[purpose])
    extras = chance.pick_weighted(((0, 40), (1, 24), (2, 16), (4, 12), (8, 8)))
    parts = [helper for use, helper in _HELPERS if use in code]
    parts += chance.pick_several(_EXTRAS, extras)
    header = chance.pick(_HEADERS) if chance.happens(40) else ""
    return area.fill(label), area.fill(header + "\n".join((*parts, code))).removesuffix("\n")
