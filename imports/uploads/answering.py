"""What a kept plan is answered by, made when it is planned: as a dry run's answer, and in Markdown.

Whoever looks at it later gets what was planned: nothing is planned anew, and nothing written.
"""

from imports.importing.plan_markdown import make_plan_markdown
from imports.importing.prepare import Preview
from imports.importing.rights import find_described_kinds
from imports.models import PendingImport
from imports.planfile.kept import KeptAnswer, make_kept_answer, pack_answer, unpack_answer
from imports.planfile.shape import SavedPlan
from imports.report import make_plan_data, make_refusal_data, make_unacknowledged_data
from imports.uploads.errors import NothingPending

_WHOLE = "in the server's admin, among the kept plans"


def keep_answer(pending: PendingImport, preview: Preview, saved: SavedPlan) -> None:
    """Set what the kept plan is answered by, and the columns that lists show of it."""
    refusal = preview.refusal
    data = {
        **make_plan_data(preview.plan, done=False, with_details=True),
        **make_unacknowledged_data(preview.unacknowledged),
        "refusal": make_refusal_data(refusal) if refusal else None,
    }
    # The key stands in the text's hidden first line, by which a comment is found again.
    source = pending.key or pending.file_name
    markdown = make_plan_markdown(preview, source=source, whole=_WHOLE)
    pending.answer = pack_answer(make_kept_answer(data, saved, markdown=markdown))
    pending.counts = {result.value: count for result, count in preview.plan.counts.items()}
    pending.refusal_code = refusal.code if refusal else ""
    pending.kinds = ",".join(sorted(find_described_kinds(preview.plan)))


def read_answer(pending: PendingImport) -> KeptAnswer:
    """Return what the kept plan is answered by. Raises NothingPending."""
    rows = PendingImport.objects.filter(pk=pending.pk)
    packed = rows.values_list("answer", flat=True).first()
    if not packed:
        raise NothingPending
    return unpack_answer(bytes(packed))
