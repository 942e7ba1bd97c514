"""Questions to language models, answered with a checked object or with the reason why not.

One client speaks to OpenRouter and to any OpenAI-compatible server. A model that misbehaves never raises: the
outcome carries a `failure` and the caller abstains. Only an archive that cannot vouch for an entry raises,
because then nothing may be decided at all. The model library (https://pydantic.dev/docs/ai) is imported when
the first question is asked: it takes seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from arena_pipeline.errors import BudgetExhausted
from arena_pipeline.llm.budget import Budget
from arena_pipeline.llm.exchange import Exchange
from arena_pipeline.llm.failure import FailureKind, ModelFailure
from arena_pipeline.llm.strict import bare, single_object
from arena_pipeline.sources.recorder import Recorder

MAX_TOKENS = 8000
"""The most a model may write in one reply, reasoning included."""

_NO_KEY = "none"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ModelRequest(Generic[T]):
    """One question. `schema` is what the answer must be; `spender` has the budget; `purpose` is for us."""

    model: str
    purpose: str
    system: str
    user: str
    schema: type[T]
    spender: str
    max_tokens: int = MAX_TOKENS


@dataclass(frozen=True, slots=True)
class ModelOutcome(Generic[T]):
    """An answer, or None and why not.

    `exchanges` are all requests sent for it, in order; `refused` says of each, by its id, why its reply was
    not taken. None of them holds a secret, nor a word of a reply that was refused.
    """

    answer: T | None
    failure: ModelFailure | None
    exchanges: tuple[Exchange, ...]
    refused: Mapping[str, str] = field(default_factory=dict)


def told_of(request: ModelRequest[T], outcome: ModelOutcome[T]) -> str:
    """A line about a question and what came of it, for who waits."""
    refused = f", after {len(outcome.refused)} that were refused" if outcome.refused else ""
    came = f"no answer: {outcome.failure}" if outcome.failure is not None else f"answered{refused}"
    return f"{request.purpose} by {request.model}: {came}"


def speaks_openrouter(base_url: str) -> bool:
    """Whether an endpoint is OpenRouter or an imitation of it: by its host, or by its path `/api/v1`."""
    parts = urlsplit(base_url)
    return parts.hostname == "openrouter.ai" or parts.path.rstrip("/") == "/api/v1"


class ModelClient:
    """A client for one endpoint. Use it in one thread; close it, or use it as a context manager.

    `base_url` ends with the version ("http://127.0.0.1:8080/v1"). `timeout` is seconds for one request,
    `max_attempts` the requests sent for one question at most, re-asks and repeats together, `concurrency` the
    questions in flight. `pause` waits between attempts. `tell` is told of each question that has ended.
    `max_tokens` bounds every reply, whatever its question allows.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str | None,
        recorder: Recorder,
        clock: Callable[[], datetime],
        budget: Budget,
        timeout: float = 120.0,
        max_attempts: int = 3,
        concurrency: int = 8,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tell: Callable[[str], None] = lambda line: None,
        max_tokens: int = MAX_TOKENS,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._api_key = api_key or None
        self._recorder = recorder
        self._clock = clock
        self._budget = budget
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._concurrency = concurrency
        self._pause = pause
        self._tell = tell
        self._max_tokens = max_tokens
        self._library: tuple[asyncio.AbstractEventLoop, _Library] | None = None
        self._runner: asyncio.Runner | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what `ask_all` opened. After `ask` and `ask_many` in a loop of your own, await `aclose`."""
        if self._runner is not None:
            self._runner.run(self.aclose())
            self._runner.close()
            self._runner = None

    async def aclose(self) -> None:
        if self._library is not None:
            library, self._library = self._library[1], None
            await library.aclose()

    def ask_all(self, requests: Sequence[ModelRequest[T]]) -> list[ModelOutcome[T]]:
        """Ask from code without an event loop; connections are kept from call to call."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self.ask_many(requests))

    async def ask_many(self, requests: Sequence[ModelRequest[T]]) -> list[ModelOutcome[T]]:
        """All outcomes, in the order of the requests. Raises ArchiveMissing or ArchiveCorrupt as `ask` does,
        once every request has ended.
        """
        results = await asyncio.gather(*map(self.ask, requests), return_exceptions=True)
        outcomes: list[ModelOutcome[T]] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            outcomes.append(result)
        return outcomes

    async def ask(self, request: ModelRequest[T]) -> ModelOutcome[T]:
        """Ask one question. Raises ArchiveMissing (a replay lacks the reply), ArchiveCorrupt, and whatever
        else the recorder or the budget raises: never for what a model does.
        """
        library = self._library_of_this_loop()
        request = replace(request, max_tokens=min(request.max_tokens, self._max_tokens))
        async with library.slots:
            outcome = await library.ask(request)
        self._tell(told_of(request, outcome))
        return outcome

    def _library_of_this_loop(self) -> _Library:
        loop = asyncio.get_running_loop()
        if self._library is None or self._library[0] is not loop:
            from arena_pipeline.llm.transport import Endpoint

            parts = urlsplit(self._base_url)
            endpoint = Endpoint(
                path_prefix=parts.path.rstrip("/"),
                own_server=parts.hostname in _LOOPBACK,
                api_key=self._api_key,
                timeout=self._timeout,
                max_attempts=self._max_attempts,
                recorder=self._recorder,
                clock=self._clock,
                budget=self._budget,
                pause=self._pause,
            )
            self._library = (loop, _Library(self._base_url, endpoint, self._concurrency))
        return self._library[1]


class _Library:
    """The model library bound to one event loop: one HTTP client, and one `Agent` per kind of question."""

    def __init__(self, base_url: str, endpoint: Any, concurrency: int) -> None:
        import httpx2
        import openai

        from arena_pipeline.llm.transport import RecordingTransport

        self.slots = asyncio.Semaphore(concurrency)
        self._max_attempts: int = endpoint.max_attempts
        self._openrouter = speaks_openrouter(base_url)
        wire = httpx2.AsyncClient(
            limits=httpx2.Limits(max_connections=concurrency),
            timeout=endpoint.timeout,
            trust_env=not endpoint.own_server,
        )
        self._http = httpx2.AsyncClient(
            transport=RecordingTransport(endpoint, wire), timeout=endpoint.timeout, trust_env=False
        )
        self._sdk = openai.AsyncOpenAI(
            base_url=base_url, api_key=endpoint.api_key or _NO_KEY, http_client=self._http, max_retries=0
        )
        self._agents: dict[tuple[str, type[BaseModel], str], Any] = {}

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(self, request: ModelRequest[T]) -> ModelOutcome[T]:
        import openai
        from pydantic_ai.exceptions import AgentRunError

        from arena_pipeline.llm.transport import Call, current_call

        call = Call(request.spender, request.max_tokens)
        token = current_call.set(call)
        answer, invalid = None, False
        try:
            result = await self._agent(request).run(
                request.user, model_settings={"max_tokens": request.max_tokens}
            )
            answer = result.output
        except (AgentRunError, openai.OpenAIError):
            invalid = True
        finally:
            current_call.reset(token)
        exchanges = tuple(call.exchanges)
        refused = {
            exchange.id: str(_why(exchange, call.texts.get(exchange.id, ""), request.schema))
            for exchange in (exchanges if invalid else exchanges[:-1])
        }
        if isinstance(call.error, BudgetExhausted):
            failure = ModelFailure(FailureKind.BUDGET, str(call.error.args[0]))
            return ModelOutcome(None, failure, exchanges, refused)
        if call.error is not None:
            raise call.error
        if not invalid:
            return ModelOutcome(answer, None, exchanges, refused)
        if not exchanges:
            return ModelOutcome(None, ModelFailure(FailureKind.REJECTED, "nothing was sent"), ())
        last = exchanges[-1]
        failure = _why(last, call.texts.get(last.id, ""), request.schema)
        return ModelOutcome(None, failure, exchanges, refused)

    def _agent(self, request: ModelRequest[T]) -> Any:
        key = (request.model, request.schema, request.system)
        if key not in self._agents:
            self._agents[key] = self._build(*key)
        return self._agents[key]

    def _build(self, model_name: str, schema: type[BaseModel], system: str) -> Any:
        from pydantic_ai import Agent, NativeOutput

        from arena_pipeline.llm.transport import current_call

        agent = Agent(
            self._model(model_name),
            output_type=NativeOutput(schema, strict=True),
            system_prompt=system,
            retries=self._max_attempts - 1,
        )

        @agent.output_validator
        async def exactly_one_object(output: Any) -> Any:
            from pydantic_ai import ModelRetry

            try:
                single_object(current_call.get().text)
            except ValueError as error:
                raise ModelRetry(str(error)) from None
            return output

        return agent

    def _model(self, name: str) -> Any:
        from pydantic_ai.profiles.openai import OpenAIModelProfile

        profile = OpenAIModelProfile(
            supports_json_schema_output=True,
            supports_inline_system_prompts=False,
            openai_chat_supports_max_completion_tokens=False,
        )
        if self._openrouter:
            from pydantic_ai.models.openrouter import OpenRouterModel, OpenRouterModelSettings
            from pydantic_ai.providers.openrouter import OpenRouterProvider

            return OpenRouterModel(
                name,
                provider=OpenRouterProvider(openai_client=self._sdk),
                profile=profile,
                settings=OpenRouterModelSettings(openrouter_provider={"require_parameters": True}),
            )
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

        provider = OpenAICompatibleProvider("openai-compatible", openai_client=self._sdk)
        return OpenAIChatModel(name, provider=provider, profile=profile)


def _why(exchange: Exchange, text: str, schema: type[BaseModel]) -> ModelFailure:
    """Why a reply with this text gave no answer, without a word of its own."""
    if exchange.failure is not None:
        return exchange.failure
    if not text.strip():
        return ModelFailure(FailureKind.EMPTY)
    try:
        single_object(text)
        schema.model_validate_json(bare(text))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        known = first["loc"][:-1] if first["type"] == "extra_forbidden" else first["loc"]
        place = ".".join(map(str, known))
        return ModelFailure(FailureKind.MALFORMED, f"{place or 'the answer'}: {first['msg']}")
    except ValueError as error:
        return ModelFailure(FailureKind.MALFORMED, str(error))
    return ModelFailure(FailureKind.MALFORMED, "not the form of a chat completion")
