"""Which backups go: over histories of backups, with clocks that jump."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from imports.database.backup_retention import KeptBackup, Retention, find_superfluous

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
# Hours that pass until a backup, by how much the clock is wrong then, and the backup's size.
HISTORIES = st.lists(
    st.tuples(
        st.floats(0, 24 * 40),
        st.sampled_from([0, 0, 0, -24 * 400, 24 * 400, -5, 5]),
        st.integers(1, 100),
        st.booleans(),
    ),
    max_size=25,
)
RETENTIONS = st.builds(
    Retention,
    keep=st.integers(0, 6),
    days=st.sampled_from([0, 1, 30]),
    max_bytes=st.none() | st.integers(0, 600),
)


def at(hours):
    return BEGIN + timedelta(hours=hours)


def made(history):
    """The backups of a history with their true times, and the hour after its last one."""
    hours, backups = 0.0, []
    for number, (passed, wrong, size, is_whole) in enumerate(history, start=1):
        hours += passed
        backup = KeptBackup(
            name=f"{at(hours + wrong):%Y%m%dT%H%M%S}-{number}",
            sequence=number,
            verified_at=at(hours + wrong),
            size=size,
            is_whole=is_whole,
        )
        backups.append((backup, at(hours)))
    return backups, at(hours + 1)


@given(HISTORIES, RETENTIONS, st.data())
def test_what_goes_is_neither_new_nor_young_nor_spared(history, retention, data):
    backups, now = made(history)
    all_of_them = [backup for backup, _ in backups]
    spared = data.draw(st.sets(st.sampled_from([one.name for one in all_of_them] or [""])))
    given_in = data.draw(st.permutations(all_of_them))
    no_limit = replace(retention, max_bytes=None)
    gone = find_superfluous(given_in, no_limit, now=now, spared=spared)

    whole = [backup for backup in all_of_them if backup.is_whole]
    newest = [one for one in whole if one.name not in spared][::-1][: retention.keep]
    assert not {one.name for one in gone} & spared
    assert not set(gone) & {*newest, *whole[-1:]}
    # Never too early: by what every clock said that was not behind, until then or at all.
    oldest_kept = now - timedelta(days=retention.days)
    is_any_behind = any(one.verified_at < true_time for one, true_time in backups)
    for index, (backup, true_time) in enumerate(backups):
        if backup in gone:
            assert is_any_behind or true_time <= oldest_kept
            for before, time in backups[: index + 1]:
                if time <= before.verified_at <= now:
                    assert time <= oldest_kept

    all_gone = find_superfluous(given_in, retention, now=now, spared=spared)
    assert set(gone) <= set(all_gone)
    assert all_gone == sorted(all_gone, key=lambda one: one.sequence)
    assert not {one.name for one in all_gone} & spared
    assert not set(all_gone) & set(whole[-1:])
    stay = [one for one in all_of_them if one not in all_gone]
    removable = [one for one in stay if one.name not in spared and one not in whole[-1:]]
    total = sum(one.size for one in stay)
    if retention.max_bytes is None:
        assert all_gone == gone
    else:
        assert total <= retention.max_bytes or not removable
        pushed_out = [one for one in all_gone if one not in gone]
        if pushed_out:  # no more than had to be, and the oldest
            assert total + pushed_out[-1].size > retention.max_bytes
            assert all(one.sequence > pushed_out[-1].sequence for one in removable)


@given(HISTORIES, RETENTIONS)
def test_with_a_clock_that_is_right_all_goes_that_is_neither_new_nor_young(history, retention):
    backups, now = made([(passed, 0, size, True) for passed, _, size, _ in history])
    gone = find_superfluous(
        [backup for backup, _ in backups],
        replace(retention, max_bytes=None),
        now=now,
        spared=(),
    )
    oldest = now - timedelta(days=retention.days)
    in_old = backups[: max(len(backups) - max(retention.keep, 1), 0)]
    assert gone == [backup for backup, time in in_old if time <= oldest]
