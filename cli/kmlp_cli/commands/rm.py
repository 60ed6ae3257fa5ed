"""`kmlp rm`: remove a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from kmlp_cli.loading import opened
from kmlp_cli.options.execution import RunsDir
from kmlp_cli.options.study import Study
from kmlp_cli.options.targets import Yes
from kmlp_cli.terminal.output import say
from kmlp_cli.terminal.question import confirmed

if TYPE_CHECKING:
    from kmlp.store.leases import Holder


def rm(
    study: Study,
    yes: Yes = False,
    runs_dir: RunsDir = None,
) -> None:
    """Remove a study, and the runs that no other study uses."""
    from kmlp.store.studies import check_study
    from kmlp.store.study_removal import remove_study, runs_of_study

    with opened(runs_dir, writable=True) as store:
        check_study(store, study)
        alone, shared = runs_of_study(store, study)
        say(
            f'Runs of "{study}" that would be removed: {len(alone)}. Runs that stay, '
            f"because another study uses them: {len(shared)}."
        )
        if not (yes or confirmed("Remove the study?", "--yes")):
            say("Nothing was removed.")
            raise typer.Exit(1)
        remove_study(store, study, waits=_say_wait)
    say(f'Removed "{study}".')


def _say_wait(holder: Holder) -> None:
    from kmlp.store.leases import SECONDS_UNTIL_EXPIRED

    say(
        f"Some of its runs are leased by {holder}. Waiting for up to "
        f"{SECONDS_UNTIL_EXPIRED:.0f} s to see if that process still runs."
    )
