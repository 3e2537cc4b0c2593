"""Rows of several requests together: nobody waits for nothing, the queue has an end, and so has patience."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from lamina.errors import DataError
from lamina.serve.batcher import QUICK, SMALL, Batcher
from lamina.serve.refusal import Refusal
from lamina.serve.settings import ServeSettings
from serve.fakes import Fruit

Rows = list[dict[str, Any]]


def row(size: Any) -> dict[str, Any]:
    return {"size": size, "colour": "red"}


async def all_of(batcher: Batcher, sizes: Sequence[Any]) -> list[Any]:
    return await asyncio.gather(*(batcher.ask([row(size)]) for size in sizes), return_exceptions=True)


@pytest.mark.parametrize("seconds", [0.0, 10.0], ids=["where it is read", "in a thread"])
def test_each_gets_its_own_answers(seconds: float) -> None:
    fruit = Fruit()

    async def main() -> list[Any]:
        batcher = Batcher(fruit.predict, ServeSettings(batch=8), seconds=seconds)
        return await asyncio.gather(*(batcher.ask([row(k / 10), row(-k)]) for k in range(50)))

    for k, answers in enumerate(asyncio.run(main())):
        assert answers == [fruit._of(row(k / 10)), fruit._of(row(-k))]
    assert max(fruit.batches) <= 8 and sum(fruit.batches) == 100


def test_a_lone_request_does_not_wait() -> None:
    async def main() -> float:
        batcher = Batcher(Fruit().predict, ServeSettings())
        began = time.perf_counter()
        for _ in range(20):
            await batcher.ask([row(1)])
        return time.perf_counter() - began

    assert asyncio.run(main()) < 1


def test_those_that_come_while_it_runs_go_together() -> None:
    fruit = Fruit(seconds=0.05)

    async def main() -> None:
        batcher = Batcher(fruit.predict, ServeSettings(batch=64))
        first = batcher.ask([row(1)])
        await asyncio.sleep(0.01)
        await asyncio.gather(first, *(batcher.ask([row(k)]) for k in range(30)))

    asyncio.run(main())
    assert fruit.batches == [1, 30]


def test_a_request_of_many_rows_goes_alone() -> None:
    fruit = Fruit()

    async def main() -> list[Any]:
        batcher = Batcher(fruit.predict, ServeSettings(batch=4))
        return await asyncio.gather(batcher.ask([row(k) for k in range(100)]), batcher.ask([row(1)]))

    assert [len(answers) for answers in asyncio.run(main())] == [100, 1]
    assert fruit.batches == [100, 1]


def test_one_bad_row_is_one_request_s_error() -> None:
    fruit = Fruit(seconds=0.02)

    async def main() -> list[Any]:
        batcher = Batcher(fruit.predict, ServeSettings())
        return await all_of(batcher, [1, 2, "three", 4, 5])

    answers = asyncio.run(main())
    assert [type(one) for one in answers] == [list, list, DataError, list, list]
    assert str(answers[2]).endswith("'three' in row 0")  # by its own row, whoever stood before it


def test_a_full_queue_refuses() -> None:
    async def main() -> list[Any]:
        batcher = Batcher(Fruit(seconds=0.05).predict, ServeSettings(queue=10, batch=1))
        return await asyncio.gather(*(one(batcher) for _ in range(40)), return_exceptions=True)

    async def one(batcher: Batcher) -> Any:
        return await batcher.ask([row(1)])

    answers = asyncio.run(main())
    refused = [one for one in answers if isinstance(one, Refusal)]
    assert len(refused) == 30 and {one.status for one in refused} == {429}
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
    assert str(refused[0]).startswith("too many rows wait · got 10 rows · ask again in ")


def test_who_waits_too_long_is_told_at_the_deadline() -> None:
    fruit = Fruit(seconds=0.3)

    async def one(batcher: Batcher) -> tuple[Any, float]:
        began = time.perf_counter()
        try:
            return await batcher.ask([row(1)]), time.perf_counter() - began
        except Refusal as error:
            return error, time.perf_counter() - began

    async def main() -> list[tuple[Any, float]]:
        batcher = Batcher(fruit.predict, ServeSettings(deadline=0.45, batch=1))
        found = list(await asyncio.gather(*(one(batcher) for _ in range(4))))
        await asyncio.sleep(0.3)  # until what runs has ended
        assert (await one(batcher))[0] == [fruit._of(row(1))]  # it goes on
        return found

    found = asyncio.run(main())
    assert [getattr(answer, "status", 200) for answer, _ in found] == [200, 503, 503, 503]
    assert all(0.4 < seconds < 0.7 for _, seconds in found[1:])
    assert "retry-after" in found[1][0].headers
    assert sum(fruit.batches) == 3  # what nobody waited for any more was not computed


def test_what_was_given_up_is_not_computed() -> None:
    fruit = Fruit(seconds=0.05)

    async def main() -> None:
        batcher = Batcher(fruit.predict, ServeSettings(batch=1))
        first, second, third = (batcher.ask([row(k)]) for k in range(3))
        second.cancel()
        await asyncio.gather(first, third)

    asyncio.run(main())
    assert fruit.batches == [1, 1]


def test_quick_batches_run_where_they_are_read_and_slow_ones_in_a_thread() -> None:
    fruit = Fruit()

    async def asked(batcher: Batcher, size: int = 0) -> int:
        fruit.threads.clear()
        await batcher.ask([row(1)], size)
        return fruit.threads.pop()

    async def main() -> None:
        here = threading.get_ident()
        assert await asked(Batcher(fruit.predict, ServeSettings(), seconds=QUICK / 10)) == here
        # A large body may be slow, whatever the last one was.
        assert await asked(Batcher(fruit.predict, ServeSettings(), seconds=QUICK / 10), SMALL) != here
        slow = Batcher(fruit.predict, ServeSettings(), seconds=10)
        assert await asked(slow) != here
        assert any([await asked(slow) == here for _ in range(200)])  # it became quick
        fruit.seconds = 20 * QUICK
        turned = Batcher(fruit.predict, ServeSettings(), seconds=0)
        assert [await asked(turned) == here for _ in range(3)] == [True, False, False]

    asyncio.run(main())


def test_the_loop_stays_free_while_a_slow_model_runs() -> None:
    async def main() -> int:
        batcher = Batcher(Fruit(seconds=0.2).predict, ServeSettings())
        answer, ticks = batcher.ask([row(1)]), 0
        while not answer.done():
            await asyncio.sleep(0.005)
            ticks += 1
        return ticks

    assert asyncio.run(main()) > 5


def test_a_watcher_is_told_each_batch() -> None:
    told: list[tuple[int, float]] = []

    async def main() -> None:
        batcher = Batcher(Fruit().predict, ServeSettings(), lambda rows, seconds: told.append((rows, seconds)))
        await batcher.ask([row(1), row(2)])
        assert batcher.is_idle and batcher.waiting == 0

    asyncio.run(main())
    assert [rows for rows, _ in told] == [2] and told[0][1] >= 0
