"""The names of the export's columns."""

from dataclasses import dataclass, field

REQUIRED = ("user_id", "item_id")
KNOWN = (*REQUIRED, "rating", "weight", "timestamp", "tenant_id", "title")


@dataclass(frozen=True)
class Columns:
    """Our names of columns, mapped to the export's if they differ."""

    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: str) -> "Columns":
        """Read `ours=theirs,ours=theirs`."""
        pairs = [pair.partition("=") for pair in value.split(",")]
        names = {ours.strip(): theirs.strip() for ours, _, theirs in pairs}
        if len(names) != len(pairs) or not all(names.values()):
            raise ValueError("is not like user_id=learner,item_id=course, each name once")
        if unknown := sorted(set(names) - set(KNOWN)):
            raise ValueError(f"maps {unknown[0]!r}; the names are {', '.join(KNOWN)}")
        columns = [names.get(ours, ours) for ours in {*REQUIRED, *names}]
        if len(set(columns)) != len(columns):
            raise ValueError("maps two names to the same column")
        return cls(names)

    def theirs(self, ours: str) -> str:
        """Return the export's name of a column."""
        return self.names.get(ours, ours)

    def __str__(self) -> str:
        return ",".join(f"{ours}={theirs}" for ours, theirs in sorted(self.names.items()))
