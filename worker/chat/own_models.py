"""The studio's own models behind the protocol: found, rendered, shortened, recalled, asked."""

from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool

from worker.chat import protocol
from worker.chat.answers import Answer, Written
from worker.chat.base import context_length
from worker.chat.catalogue import Catalogue, Contestant
from worker.chat.engine import DEFAULT_MAX_TOKENS, Engine
from worker.chat.prompts import Prompts
from worker.chat.protocol import ChatRequest
from worker.chat.recall import Kept, Recall
from worker.chat.sampling import Sampling
from worker.chat.shortening import Shortened, shortened


class OwnModels:
    """Base models, adapters and checkpoints of this studio, answered by one engine."""

    def __init__(
        self, engine: Engine, catalogue: Catalogue, prompts: Prompts, recall: Recall | None = None
    ) -> None:
        """Takes over `engine` and `prompts`, to close them; without `recall` nothing is kept."""
        self._engine = engine
        self._catalogue = catalogue
        self._prompts = prompts
        self._recall = recall

    async def start(self) -> None:
        """Starts the renderer, so that the first conversation need not wait for it."""
        await run_in_threadpool(self._prompts.warm)

    async def close(self) -> None:
        """Ends the engine and the renderer."""
        await run_in_threadpool(self._engine.close)
        await run_in_threadpool(self._prompts.close)

    def health(self) -> dict[str, Any]:
        """Which base model is resident, and how many answers are being written."""
        resident = self._engine.resident
        return {
            "base": None if resident is None else resident.name,
            "running": self._engine.running,
        }

    async def listed(self) -> list[dict[str, Any]]:
        """Everyone in the catalogue."""
        return [_model(one) for one in await run_in_threadpool(self._catalogue.contestants)]

    async def one(self, name: str) -> dict[str, Any]:
        """The one of that name; raises NotFound."""
        return _model(await run_in_threadpool(self._catalogue.find, name))

    async def ask(self, asked: ChatRequest) -> list[Answer]:
        """Begins the answers, each with a seed of its own; raises StudioError."""
        contestant = await run_in_threadpool(self._catalogue.find, asked.model)
        fitting = await run_in_threadpool(self._fitting, contestant, asked)
        begun: list[Answer] = []
        try:
            for sampling in asked.samplings():
                begun.append(await self._begun(contestant, fitting, sampling, asked.studio.fresh))
        except BaseException:
            for answer in begun:
                answer.cancel()
            raise
        return begun

    def _fitting(self, contestant: Contestant, asked: ChatRequest) -> Shortened:
        """The conversation, without its oldest turns where they leave no room for an answer."""
        context = context_length(contestant.base_folder)
        answer = asked.max_tokens or min(DEFAULT_MAX_TOKENS, context // 4)
        render = partial(self._prompts.render, contestant)
        return shortened(asked.conversation(), render, context - answer)

    async def _begun(
        self, contestant: Contestant, fitting: Shortened, sampling: Sampling, fresh: bool
    ) -> Answer:
        prompt = fitting.prompt
        facts = protocol.facts(prompt.template, fitting.dropped_turns)
        keeper = None
        if self._recall is not None:
            asked = contestant, prompt.tokens, sampling
            keeper = await run_in_threadpool(self._recall.of, *asked)
        if keeper is not None and not fresh:
            recalled = await run_in_threadpool(keeper.recalled, facts)
            if recalled is not None:
                return recalled
        answer = Written(partial(self._engine.ask, contestant, prompt.tokens, sampling), facts)
        return answer if keeper is None else Kept(answer, keeper)


def _model(contestant: Contestant) -> dict[str, Any]:
    return protocol.model(contestant.name, contestant.title, contestant.base_id)
