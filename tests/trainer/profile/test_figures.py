"""The figures of a night, and of two nights."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from modelsystem_shared.numeric.model import Strings
from modelsystem_shared.profile import FIGURES, Profile, lines, rows_of_figures
from modelsystem_trainer import profile, training
from modelsystem_trainer.columns import Columns
from modelsystem_trainer.evaluation import Champion
from modelsystem_trainer.export import of_folder
from modelsystem_trainer.fit import Parameters
from modelsystem_trainer.ingest import Interactions
from modelsystem_trainer.profile import figures
from modelsystem_trainer.reading import ReadOptions, read_export
from modelsystem_trainer.rules import Rules
from modelsystem_trainer.training import Plan

Read = Callable[..., Interactions]
HEADER = "user_id,item_id,timestamp"
FILES = {
    "clicks-2018-05-09.csv": f"{HEADER},event\nu,i,20180508,a\nu,i,20180509,b\nu,j,20180509,c\n",
    "clicks-2018-05-10.csv": f"{HEADER}\nv,i,20180510\n ,k,20180508\n",
    "items.csv": "item_id,title\ni,One\nj,\nx,Idle\ny,Idle too\n",
    "_SUCCESS": "",
    "notes.txt": "",
}


def profiled(data: Interactions, champion: Champion | None = None) -> Profile:
    return profile.profiled(data, champion, Rules.default())


def as_champion(data: Interactions, *, has_profile: bool = True) -> Champion:
    """Return a champion of this data; without a profile it is of an earlier version."""
    model = training.train(data, Plan(5, Parameters()), lambda *_: None).model
    described = {
        "location": "",
        "files": [],
        "rows": data.rows,
        "rows_rejected": 0,
        "rows_of_other_tenants": 0,
        "users": len(data.users),
        "items": len(data.items),
        "interactions": len(data.table),
        "history_lengths": [],
    }
    if has_profile:
        described["profile"] = profiled(data)
    return Champion("6", "0" * 64, model, described)  # type: ignore[arg-type]  # built in two steps


def test_the_figures_of_a_night(read: Read) -> None:
    """Each is what its meaning says."""
    described = profiled(read(FILES))
    assert described["figures"] == {
        "rows": 9,
        "rows_rejected": 0,
        "rejected": 0,
        "rows_of_other_tenants": 0,
        "rows_merged": 1,
        "repeats": 1.25,
        "users": 3,
        "items": 3,
        "interactions": 4,
        "largest_user": 0.5,
        "largest_item": 0.5,
        "catalogue": 4,
        "idle_items": 2,
        "titled_items": 1,
        "untitled_items": 2,
        "titles_fit": 0.333333,
        "timed_rows": 5,
        "odd_times": 0,
        "span": 3,
        "days_behind": 0,
        "files": 3,
        "left_out": 2,
        "copies": 0,
        "linked": 0,
        "uncommitted": 0,
        "lookalikes": 0,
        "odd_ids": 1,
    }
    assert described["days"] == {"first": "2018-05-08", "rows": [2, 2, 1]}
    assert (described["first"], described["last"]) == (
        "2018-05-08T00:00:00+00:00",
        "2018-05-10T00:00:00+00:00",
    )
    assert described["examples"] == {"odd_ids": ["' '"]}
    assert described["left_out"] == [
        {"reason": "begins with _ or .", "count": 1, "names": ["_SUCCESS"]},
        {"reason": "is not *.csv or *.csv.gz", "count": 1, "names": ["notes.txt"]},
    ]
    assert described["files"][0]["unused"] == ["event"]


def test_every_figure_has_a_meaning(read: Read) -> None:
    """With a champion all figures but none other are known."""
    data = read(FILES)
    described = profiled(data, as_champion(data))
    assert described["figures"].keys() == FIGURES.keys()
    assert [row[0] for row in rows_of_figures(described)] == list(FIGURES)


def test_ten_lines_show_it(read: Read) -> None:
    """For any data, with and without times, catalogue and champion."""
    data = read(FILES)
    bare = read({"a.csv": "user_id,item_id\nu,i\nu,j\n"})
    for described in (profiled(data), profiled(bare), profiled(bare, as_champion(data))):
        assert len(lines(described)) == 10
        assert not any("None" in line or "\n" in line for line in lines(described))


def test_a_champion_without_histories_has_no_users_to_compare(read: Read) -> None:
    """Its items are compared; a rule on users that are new or gone has no figure."""
    data = read(FILES)
    champion = as_champion(data)
    small = replace(champion, model=replace(champion.model, users=Strings.of([])))
    described = profiled(data, small)
    assert described["figures"].keys() == FIGURES.keys() - {"new_users", "gone_users"}
    outcomes = {o["figure"]: o["is_kept"] for o in described["verdict"]}
    assert (outcomes["new_users"], outcomes["new_items"]) == (None, True)
    assert any("users – new, – gone" in line for line in lines(described))


@pytest.mark.parametrize("has_profile", [True, False])
def test_two_nights_are_compared(read: Read, has_profile: bool) -> None:
    """New and gone users and items by their ids; a champion without a profile has its counts."""
    champion = as_champion(read(FILES), has_profile=has_profile)
    later = f"{HEADER}\nu,i,20180512\nw,i,20180513\nw,z,20180513\n"
    described = profiled(read({"clicks-2018-05-15.csv": later}), champion)
    part, of_night = described["champion"], described["figures"]
    assert [part[name] for name in ("new_users", "gone_users", "new_items", "gone_items")] == [
        *(1, 2, 1, 2),
    ]
    assert (of_night["new_users"], of_night["gone_users"]) == (0.5, 0.666667)
    assert part["figures"]["rows"] == 9
    assert of_night["days_behind"] == 2
    assert of_night.get("days_gained") == (3 if has_profile else None)
    broken = {o["rule"] for o in described["verdict"] if o["is_kept"] is False}
    assert "warn rows >= 0.7 champion" in broken
    assert ("warn titled_items >= 0.5 champion" in broken) == has_profile


@pytest.mark.parametrize(
    ("value", "is_odd"),
    [
        *(
            (value, True)
            for value in (" u", "u ", "NULL", "null", "NaN", "1.23E+11", "\\N", "a\ufffd")
        ),
        *((value, False) for value in ("u v", "nullable", "1.5", "E+11", "ünal", "0", "-")),
    ],
)
def test_damaged_ids_are_found(value: str, is_odd: bool) -> None:
    """As databases, spreadsheets and wrong encodings leave them."""
    assert figures.odd_ids(["u1", value, "u2"]) == ([value] if is_odd else [])


def test_the_profile_depends_on_the_data_only(
    make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """Not on where the folder is, nor on the times of its files."""
    first = make_folder(FILES)
    second = tmp_path / "other"
    shutil.copytree(first, second, copy_function=shutil.copyfile)
    options = ReadOptions(Columns(), None, 0)
    described = [profiled(read_export(of_folder(path), options)) for path in (first, second)]
    assert described[0] == described[1]


@pytest.mark.parametrize(
    ("location", "name", "date"),
    [
        ("/exports", "clicks-2018-05-09.csv", "2018-05-09"),
        ("/exports", "clicks_20180509.csv.gz", "2018-05-09"),
        ("https://a.blob.core.windows.net/etl/2018/05/09", "part-00000.csv", "2018-05-09"),
        ("/exports", "date=2018-05-09/part-0.csv", "2018-05-09"),
        ("/exports", "clicks-1525824000.csv", None),
        ("/exports", "clicks.csv", None),
        ("/exports", "clicks-2018-02-31.csv", None),
    ],
)
def test_the_date_of_the_newest_file_is_in_its_path(
    read: Read, location: str, name: str, date: str | None
) -> None:
    """No clock is compared: the time of a file's change is that of its copy."""
    data = read({name: f"{HEADER}\nu,i,20180508\n", "items-2030-01-01.csv": "item_id,title\ni,I\n"})
    object.__setattr__(data.export, "location", location)
    newest = figures.newest_date(data)
    assert (newest.isoformat() if newest else None) == date
