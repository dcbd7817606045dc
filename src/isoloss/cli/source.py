"""From what is planned: a fit of the user's runs, or the published coefficients of a law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from isoloss.cli.options import Amount
from isoloss.errors import InputError, Where

if TYPE_CHECKING:
    from isoloss.fitting import Fit


@Parameter(name="*")
@dataclass(frozen=True)
class Source:
    """A fit, or a law with published coefficients, and how its tokens are counted."""

    fit: Annotated[str | None, Parameter(help="A fit that isoloss fit --save wrote.")] = None
    law: Annotated[
        str | None, Parameter(help="Without a fit: a law with published coefficients.")
    ] = None
    key: Annotated[
        str | None,
        Parameter(help="With --law, which coefficients; isoloss laws show LAW lists them."),
    ] = None
    u: Annotated[
        Amount | None, Parameter(help="Distinct tokens there are, for laws in U, such as 300B.")
    ] = None
    flop_per_token: Annotated[
        str,
        Parameter(help="What a token costs: 6nd for C = 6 N D, or runs for what the runs cost."),
    ] = "6nd"

    def read(self) -> tuple[Fit | str, dict[str, Any]]:
        """The fit or the name of the law, and the keywords that go with it.

        Raises:
            InputError: neither or both are given, or an option does not go with what is given.
        """
        from isoloss.fitting import Fit

        if self.fit is not None and (self.law is not None or self.key is not None):
            raise InputError(
                "--law and --key cannot be used with a fit.",
                code="conflicting_options",
                where=Where(field="--law" if self.law is not None else "--key"),
                hint="Keep --fit, or --law for published coefficients.",
            )
        if self.fit is not None:
            return Fit.load(self.fit), {
                "unique_tokens": self.u,
                "flop_per_token": self.flop_per_token,
            }
        if self.law is None:
            raise InputError(
                "a fit of your runs is needed, or a law with published coefficients.",
                code="missing_argument",
                where=Where(field="--fit"),
                hint="Give --fit fit.json (isoloss fit RUNS --save fit.json makes one), or "
                "--law chinchilla.",
            )
        if self.flop_per_token != "6nd":
            raise InputError(
                "--flop-per-token cannot be used with published laws.",
                code="conflicting_options",
                where=Where(field="--flop-per-token"),
                hint="Published laws are planned with C = 6 N D.",
            )
        return self.law, {"key": self.key, "unique_tokens": self.u}

    def again(self) -> dict[str, object]:
        """The options to type again."""
        rule = None if self.flop_per_token == "6nd" else self.flop_per_token
        given = {"fit": self.fit, "law": self.law, "key": self.key, "u": self.u}
        return {**given, "flop_per_token": rule}


SOURCE = Source()
