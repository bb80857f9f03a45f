"""The profile as lines of text, for a log or a terminal."""

from collections.abc import Mapping, Sequence

from modelsystem_shared.profile.figures import text_of
from modelsystem_shared.profile.types import FileProfile, LeftOut, Outcome, Profile


def broken(profile: Profile) -> list[Outcome]:
    """Return the outcomes of the rules that are broken."""
    return [outcome for outcome in profile["verdict"] if outcome["is_kept"] is False]


def champion_figures(profile: Profile) -> Mapping[str, float]:
    """Return the champion's figures; none without a champion."""
    return profile["champion"]["figures"] if "champion" in profile else {}


def summary(profile: Profile) -> str:
    """Return the profile in one line."""
    of = _Texts(profile["figures"])
    parts = [
        f"{of('rows')} rows in {of('files')} files",
        f"{of('users')} users, {of('items')} items, {of('interactions')} interactions",
        f"{of('rows_rejected')} rows lost, {of('rows_merged')} merged",
        f"{_date(profile['first'])} to {_date(profile['last'])}"
        if profile["first"]
        else "no times",
        f"{of('left_out')} entries left out",
        f"{len(broken(profile))} rules broken",
    ]
    return "; ".join(parts)


def lines(profile: Profile) -> list[str]:
    """Return the profile in ten lines of text."""
    of = _Texts(profile["figures"])
    table = [
        ("files", f"{of('files')} read, {of('left_out')} left out{_reasons(profile['left_out'])}"),
        ("rows", f"{of('rows')} read, {of('rows_rejected')} lost, {of('rows_merged')} merged"),
        ("interactions", f"{of('interactions')} of {of('users')} users with {of('items')} items"),
        ("largest", f"user {of('largest_user')}, item {of('largest_item')} of the interactions"),
        ("titles", _titles(of)),
        ("times", _times(profile, of)),
        ("columns", _columns(profile["files"])),
        ("champion", _champion(profile, of)),
        ("rules", _verdict(profile["verdict"])),
        ("broken", "; ".join(o["sentence"] for o in broken(profile)) or "none"),
    ]
    return [f"{name:13} {text}" for name, text in table]


class _Texts:
    """Figures as texts, by name."""

    def __init__(self, figures: Mapping[str, float]) -> None:
        self.figures = figures

    def __call__(self, name: str) -> str:
        return text_of(name, self.figures.get(name))


def _reasons(left_out: Sequence[LeftOut]) -> str:
    texts = [f"{', '.join(out['names'][:2])} {out['reason']}" for out in left_out[:3]]
    return f" ({'; '.join(texts)})" if texts else ""


def _titles(of: _Texts) -> str:
    if "catalogue" not in of.figures:
        return "no catalogue"
    return (
        f"{of('titles_fit')} of the items have one; {of('idle_items')} of {of('catalogue')} in the "
        "catalogue have no interactions"
    )


def _times(profile: Profile, of: _Texts) -> str:
    if profile["first"] is None:
        return "none"
    first, last = _date(profile["first"]), _date(profile["last"])
    return f"{first} to {last}; {of('odd_times')} rows far from all others"


def _date(time: str | None) -> str:
    return time[:10] if time else "no time"


def _columns(files: Sequence[FileProfile]) -> str:
    used = dict.fromkeys(name for file in files for name in file["columns"].values())
    unused = dict.fromkeys(name for file in files for name in file["unused"])
    return f"{', '.join(used)} used; {', '.join(unused) or 'none'} not used"


def _champion(profile: Profile, of: _Texts) -> str:
    if "champion" not in profile:
        return "none to compare with"
    champion = profile["champion"]
    return (
        f"build {champion['build']} had {text_of('rows', champion['figures'].get('rows'))} rows; "
        f"users {of('new_users')} new, {of('gone_users')} gone; "
        f"items {of('new_items')} new, {of('gone_items')} gone"
    )


def _verdict(verdict: Sequence[Outcome]) -> str:
    kept = sum(outcome["is_kept"] is True for outcome in verdict)
    unknown = sum(outcome["is_kept"] is None for outcome in verdict)
    return f"{kept} kept, {len(verdict) - kept - unknown} broken, {unknown} without a figure"
