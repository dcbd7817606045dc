"""Work in other processes: bounded, cancelled, reported, and gone when the server is."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from isoloss.errors import EvidenceError, InputError
from isoloss.ui.jobs import Jobs
from isoloss.ui.workers import Worker
from tests.ui.server import serving

MIB = 1 << 20
WORKERS = 4  # one reads, two answer at once, one fits
SLOW = {"law": "farseer", "draws": "4000"}  # takes seconds


def finish(coroutine):
    """Run to the end in a thread of its own: a browser may hold the loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def run(coroutine):
    """An answer of a worker, and no process left."""

    async def whole():
        worker = Worker(4096 * MIB)
        try:
            return await coroutine(worker)
        finally:
            await worker.stop()

    return finish(whole())


def reading(path: Path, where: str = "") -> dict:
    return {
        "key": f"{path} {where}",
        "source": {"files": [{"path": str(path), "label": "a.csv"}]},
        "reading": {"where": where, "loss_unit": "nats/byte"},
    }


def test_a_worker_answers_says_errors_and_goes_on(small_ladder_path, tmp_path) -> None:
    said: list[str] = []

    async def talk(worker: Worker):
        with pytest.raises(InputError) as caught:
            await worker.call("read", reading(small_ladder_path, "losses > 1"), 60)
        assert caught.value.code == "bad_where"
        assert caught.value.where.file == "a.csv"
        settings = {"objective": "huber", "delta": None, "ci": "tier", "draws": 20, "seed": 0}
        given = reading(small_ladder_path, "study = 'ladder'") | {
            "law": "chinchilla",
            "settings": settings,
            "into": str(tmp_path / "fit.json"),
        }
        return await worker.call("fit", given, 60, said.append)

    assert run(talk)["document"]["status"] == "ok"
    assert "fitting to 126 runs" in said


def test_a_refusal_stays_a_refusal(tmp_path) -> None:
    table = tmp_path / "few.csv"
    table.write_text("params,tokens,flops,loss\n1e8,2e9,1.2e18,3.1\n2e8,4e9,4.8e18,2.9\n")

    async def talk(worker: Worker):
        settings = {"objective": "huber", "delta": None, "ci": "none", "draws": 20, "seed": 0}
        given = reading(table) | {"law": "chinchilla", "settings": settings, "into": "x"}
        await worker.call("fit", given, 60)

    with pytest.raises(EvidenceError):
        run(talk)


def test_a_task_out_of_time_is_ended_and_the_next_one_works(small_ladder_path) -> None:
    async def talk(worker: Worker):
        with pytest.raises(InputError, match=r"longer than 0\.01 seconds") as caught:
            await worker.call("read", reading(small_ladder_path), 0.01)
        assert caught.value.code == "too_slow"
        return await worker.call("read", reading(small_ladder_path), 60)

    assert run(talk)["check"]["n_runs"] == 237


def test_a_task_out_of_memory_is_an_answer(tmp_path) -> None:
    wide = tmp_path / "wide.csv"
    names = ",".join(f"c{i}" for i in range(1_000))
    row = ",".join(["1.5"] * 1_000)
    wide.write_text(f"params,tokens,flops,loss,{names}\n" + f"1e8,2e9,1.2e18,3.1,{row}\n" * 12_000)

    async def talk() -> None:
        worker = Worker(1600 * MIB)  # enough to start and to read a table of runs
        try:
            with pytest.raises(InputError) as caught:
                await worker.call("read", reading(wide), 60)
            assert caught.value.code in ("worker_ended", "out_of_memory")
        finally:
            await worker.stop()

    finish(talk())


def test_jobs_wait_in_a_bounded_queue_and_can_be_called_off() -> None:
    async def talk() -> None:
        release, done = asyncio.Event(), list[str]()
        jobs = Jobs([Worker(0)], 2)
        jobs.start()

        async def hold(worker, say) -> None:
            say("holding")
            await release.wait()

        async def quick(worker, say) -> None:
            done.append("quick")

        first = jobs.submit("a", "fit", "a", hold)
        await asyncio.sleep(0.05)
        assert (first.state, first.message) == ("running", "holding")
        assert jobs.submit("a", "fit", "a", hold) is first
        waiting = [jobs.submit(name, "fit", name, quick) for name in "bc"]
        assert [jobs.place(job) for job in waiting] == [1, 2]
        with pytest.raises(InputError) as caught:
            jobs.submit("d", "fit", "d", quick)
        assert caught.value.code == "busy"
        jobs.cancel("b")
        jobs.cancel("a")
        await asyncio.sleep(0.05)
        assert [job.state for job in (first, *waiting)] == ["cancelled", "cancelled", "done"]
        assert done == ["quick"]
        assert jobs.cancel("nothing") is None
        release.set()
        await jobs.stop()

    finish(talk())


def test_a_running_fit_is_called_off_at_once(server, query) -> None:
    state = query | SLOW | {"seed": "77"}
    path = server.send("/fit", state).goes_to
    name = _job(server, path)
    _until(lambda: server.ask(f"/api/jobs/{name}").document["state"] == "running")
    begun = time.monotonic()
    assert server.send(f"/jobs/{name}/cancel", state | {"page": "fit"}).goes_to == path
    assert server.ask(f"/api/jobs/{name}").document["state"] == "cancelled"
    page = server.wait_for(path)
    assert 'data-testid="job-cancelled"' in page.text
    # The next one need not wait for what was called off.
    next_path = server.send("/fit", query | {"law": "chinchilla", "draws": "20"}).goes_to
    assert 'data-testid="parameters"' in server.wait_for(next_path).text
    assert time.monotonic() - begun < 15


BOMBS = [
    "9**9**9**9**9",
    "10**(10**10)",
    "E + A*" + "*".join(["N**alpha"] * 200),
    "(" * 300 + "N" + ")" * 300,
    "exp(exp(exp(exp(exp(exp(exp(exp(N**a))))))))",
    "E + A/N**alpha" + " + B/D**beta" * 60,
    "__import__('os').system('id')",
    "N.__class__",
    "[x for x in (1,)*10**9]",
    "lambda: 0",
    "'a'*10**10",
    "E + A/N**1e999",
    "E + \u0394/N",
]


@pytest.mark.parametrize("formula", BOMBS)
def test_a_formula_bomb_is_refused_quickly(server, query, formula) -> None:
    begun = time.monotonic()
    answer = server.send("/fit", query | {"law": formula})
    if answer.status == 303:
        page = server.wait_for(answer.goes_to, 30).text
        assert 'data-testid="job-error"' in page
        assert 'data-testid="parameters"' not in page
    else:
        assert answer.status == 400
    assert time.monotonic() - begun < 10
    assert server.ask("/runs").status == 200


def test_fifty_clients_at_once(server, query) -> None:
    state = query | {"law": "chinchilla", "draws": "50"}
    server.wait_for(server.send("/fit", state).goes_to)

    def ask(number: int) -> int:
        budget = urlencode(state | {"flop": f"{number + 10}e12"})
        pages = (f"/plan/card?{budget}", f"/runs?{urlencode(query)}", f"/api/plan?{budget}")
        return max(server.ask(path, timeout=60).status for path in pages)

    with ThreadPoolExecutor(50) as clients:
        assert set(clients.map(ask, range(50))) == {200}
    assert len(server.workers()) == WORKERS


def test_the_end_leaves_no_process_and_no_file(csv, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for how in (signal.SIGINT, signal.SIGTERM):
        with serving() as server:
            where = server.upload("a.csv", csv, loss_unit="nats/byte").goes_to
            server.ask(where)
            state = dict(_params(where)) | SLOW
            path = server.send("/fit", state).goes_to
            name = _job(server, path)
            _until(lambda s=server, n=name: s.ask(f"/api/jobs/{n}").document["state"] == "running")
            workers = server.workers()
            (folder,) = tmp_path.glob("isoloss-ui-*")
            assert folder.stat().st_mode & 0o077 == 0
            assert all(file.stat().st_mode & 0o077 == 0 for file in folder.glob("*.table"))
            begun = time.monotonic()
            assert server.stop(how) == (0 if how == signal.SIGINT else -signal.SIGTERM)
            assert time.monotonic() - begun < 10
            assert len(workers) == WORKERS
            _until(lambda found=workers: not any(map(_lives, found)))
            assert list(tmp_path.glob("isoloss-ui-*")) == []


def test_workers_end_with_a_server_that_was_killed(csv) -> None:
    with serving() as server:
        server.ask(server.upload("a.csv", csv).goes_to)
        workers = server.workers()
        assert len(workers) == WORKERS
        server.stop(signal.SIGKILL)
        _until(lambda: not any(map(_lives, workers)))


def test_runs_that_change_on_the_disk_are_noticed(csv, tmp_path) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(csv)
    with serving(str(path), "--loss-unit", "nats/byte") as server:
        where = server.ask("/").goes_to
        assert server.ask(where).status == 200
        path.write_bytes(csv[: csv.rindex(b"\n", 0, -1) + 1])
        state = dict(_params(where)) | {"law": "chinchilla", "draws": "20"}
        page = server.wait_for(server.send("/fit", state).goes_to)
        assert "changed on the disk" in page.text


def _params(address: str) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl, urlsplit

    return parse_qsl(urlsplit(address).query)


def _job(server, path: str) -> str:
    import re

    found = re.search(r'data-job="(\w+)"', server.ask(path).text)
    assert found
    return found[1]


def _until(holds, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A process that nobody has collected yet has ended.
    return "(zombie)" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def test_a_full_queue_says_so(csv) -> None:
    with serving(limits={"queue": 1}) as server:
        where = server.upload("a.csv", csv, loss_unit="nats/byte").goes_to
        state = dict(_params(where)) | SLOW
        paths = [server.send("/fit", state | {"seed": seed}) for seed in "12"]
        _until(lambda: "running" in server.ask(f"/api/jobs/{_job(server, paths[0].goes_to)}").text)
        answers = [server.send("/fit", state | {"seed": seed}).status for seed in "345"]
        assert 503 in answers
        assert server.send("/fit", state | {"seed": "1"}).status == 303  # the same work, once
