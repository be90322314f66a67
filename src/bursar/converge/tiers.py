"""Which stage and which kind of run belong to each tier of the convergence test?"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bursar.converge.connection import PatientConnection
from bursar.converge.plan import Plan
from bursar.converge.seed import SeedRun
from bursar.converge.stage import Stage, open_stage


def open_tier(tier: int, database_url: str, home: Path) -> AbstractAsyncContextManager[Stage]:
    """Open the stage of a tier on an empty database."""
    if tier == 1:
        return open_stage(database_url, home, connection_class=PatientConnection)
    if tier == 2:
        from bursar.converge.processes import open_process_stage

        return open_process_stage(database_url, home)
    from bursar.converge.upheaval import open_upheaval_stage

    return open_upheaval_stage(database_url, home)


def begin_of(tier: int) -> Callable[[Stage, Plan], SeedRun]:
    """Return what makes the run of a seed."""
    if tier == 1:
        return SeedRun
    if tier == 2:
        from bursar.converge.processes import ProcessRun

        return ProcessRun.on
    from bursar.converge.upheaval import UpheavalRun

    return UpheavalRun.on
