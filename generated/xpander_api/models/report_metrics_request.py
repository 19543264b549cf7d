# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.known_agent_execution_status import (
    KnownAgentExecutionStatus,
    check_known_agent_execution_status,
)
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.json_object import JsonObject
    from ..models.metrics_tokens import MetricsTokens


T = TypeVar("T", bound="ReportMetricsRequest")


@_attrs_define
class ReportMetricsRequest:
    """The metrics of one run."""

    execution_id: str
    """ The task. """
    memory_thread_id: None | str | Unset = UNSET
    """ The memory thread of the run; the same as the task. """
    source: None | str | Unset = UNSET
    """ Where the task came from. """
    sub_executions: list[str] | None | Unset = UNSET
    """ Identifiers of the tasks that are parts of this one. Absent means none. """
    task: None | str | Unset = UNSET
    """ The text of the task's input. """
    triggered_by: None | str | Unset = UNSET
    """ Who set the run off; clients send `N/A`. """
    skills: list[JsonObject | str] | None | Unset = UNSET
    """ The skills that were used. Absent means none. """
    status: KnownAgentExecutionStatus | None | str | Unset = UNSET
    """ Where the task stands. """
    internal_status: None | str | Unset = UNSET
    """ A finer status that the platform keeps for itself, at most 255 characters. """
    duration: float | None | Unset = UNSET
    """ Wall-clock time of the run, in seconds. Absent means 0. """
    ai_model: None | str | Unset = UNSET
    """ The model that ran, or `xpander` where none is named. """
    worker: None | str | Unset = UNSET
    """ The worker that ran the task. """
    ai_employee_id: None | str | Unset = UNSET
    """ The AI employee that the run belongs to. """
    api_calls_made: list[str] | None | Unset = UNSET
    """ Names of the tools that were called. Absent means none. """
    result: None | str | Unset = UNSET
    """ The final result, or the text of the error. """
    llm_tokens: MetricsTokens | None | Unset = UNSET
    """ Token usage. """
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.json_object import JsonObject
        from ..models.metrics_tokens import MetricsTokens

        execution_id = self.execution_id

        memory_thread_id: None | str | Unset
        if isinstance(self.memory_thread_id, Unset):
            memory_thread_id = UNSET
        else:
            memory_thread_id = self.memory_thread_id

        source: None | str | Unset
        if isinstance(self.source, Unset):
            source = UNSET
        else:
            source = self.source

        sub_executions: list[str] | None | Unset
        if isinstance(self.sub_executions, Unset):
            sub_executions = UNSET
        elif isinstance(self.sub_executions, list):
            sub_executions = self.sub_executions

        else:
            sub_executions = self.sub_executions

        task: None | str | Unset
        if isinstance(self.task, Unset):
            task = UNSET
        else:
            task = self.task

        triggered_by: None | str | Unset
        if isinstance(self.triggered_by, Unset):
            triggered_by = UNSET
        else:
            triggered_by = self.triggered_by

        skills: list[dict[str, Any] | str] | None | Unset
        if isinstance(self.skills, Unset):
            skills = UNSET
        elif isinstance(self.skills, list):
            skills = []
            for skills_type_0_item_data in self.skills:
                skills_type_0_item: dict[str, Any] | str
                if isinstance(skills_type_0_item_data, JsonObject):
                    skills_type_0_item = skills_type_0_item_data.to_dict()
                else:
                    skills_type_0_item = skills_type_0_item_data
                skills.append(skills_type_0_item)

        else:
            skills = self.skills

        status: None | str | Unset
        if isinstance(self.status, Unset):
            status = UNSET
        elif isinstance(self.status, str):
            status = self.status
        else:
            status = self.status

        internal_status: None | str | Unset
        if isinstance(self.internal_status, Unset):
            internal_status = UNSET
        else:
            internal_status = self.internal_status

        duration: float | None | Unset
        if isinstance(self.duration, Unset):
            duration = UNSET
        else:
            duration = self.duration

        ai_model: None | str | Unset
        if isinstance(self.ai_model, Unset):
            ai_model = UNSET
        else:
            ai_model = self.ai_model

        worker: None | str | Unset
        if isinstance(self.worker, Unset):
            worker = UNSET
        else:
            worker = self.worker

        ai_employee_id: None | str | Unset
        if isinstance(self.ai_employee_id, Unset):
            ai_employee_id = UNSET
        else:
            ai_employee_id = self.ai_employee_id

        api_calls_made: list[str] | None | Unset
        if isinstance(self.api_calls_made, Unset):
            api_calls_made = UNSET
        elif isinstance(self.api_calls_made, list):
            api_calls_made = self.api_calls_made

        else:
            api_calls_made = self.api_calls_made

        result: None | str | Unset
        if isinstance(self.result, Unset):
            result = UNSET
        else:
            result = self.result

        llm_tokens: dict[str, Any] | None | Unset
        if isinstance(self.llm_tokens, Unset):
            llm_tokens = UNSET
        elif isinstance(self.llm_tokens, MetricsTokens):
            llm_tokens = self.llm_tokens.to_dict()
        else:
            llm_tokens = self.llm_tokens

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "execution_id": execution_id,
            }
        )
        if memory_thread_id is not UNSET:
            field_dict["memory_thread_id"] = memory_thread_id
        if source is not UNSET:
            field_dict["source"] = source
        if sub_executions is not UNSET:
            field_dict["sub_executions"] = sub_executions
        if task is not UNSET:
            field_dict["task"] = task
        if triggered_by is not UNSET:
            field_dict["triggered_by"] = triggered_by
        if skills is not UNSET:
            field_dict["skills"] = skills
        if status is not UNSET:
            field_dict["status"] = status
        if internal_status is not UNSET:
            field_dict["internal_status"] = internal_status
        if duration is not UNSET:
            field_dict["duration"] = duration
        if ai_model is not UNSET:
            field_dict["ai_model"] = ai_model
        if worker is not UNSET:
            field_dict["worker"] = worker
        if ai_employee_id is not UNSET:
            field_dict["ai_employee_id"] = ai_employee_id
        if api_calls_made is not UNSET:
            field_dict["api_calls_made"] = api_calls_made
        if result is not UNSET:
            field_dict["result"] = result
        if llm_tokens is not UNSET:
            field_dict["llm_tokens"] = llm_tokens

        return field_dict

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        from ..models.json_object import JsonObject
        from ..models.metrics_tokens import MetricsTokens

        d = dict(src_dict)
        execution_id = d.pop("execution_id")

        def _parse_memory_thread_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        memory_thread_id = _parse_memory_thread_id(d.pop("memory_thread_id", UNSET))

        def _parse_source(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        source = _parse_source(d.pop("source", UNSET))

        def _parse_sub_executions(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                sub_executions_type_0 = cast(list[str], data)

                return sub_executions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        sub_executions = _parse_sub_executions(d.pop("sub_executions", UNSET))

        def _parse_task(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        task = _parse_task(d.pop("task", UNSET))

        def _parse_triggered_by(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        triggered_by = _parse_triggered_by(d.pop("triggered_by", UNSET))

        def _parse_skills(data: object) -> list[JsonObject | str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                skills_type_0 = []
                _skills_type_0 = data
                for skills_type_0_item_data in _skills_type_0:

                    def _parse_skills_type_0_item(data: object) -> JsonObject | str:
                        try:
                            if not isinstance(data, dict):
                                raise TypeError()
                            skills_type_0_item_type_0 = JsonObject.from_dict(data)

                            return skills_type_0_item_type_0
                        except (TypeError, ValueError, AttributeError, KeyError):
                            pass
                        return cast(JsonObject | str, data)

                    skills_type_0_item = _parse_skills_type_0_item(skills_type_0_item_data)

                    skills_type_0.append(skills_type_0_item)

                return skills_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[JsonObject | str] | None | Unset, data)

        skills = _parse_skills(d.pop("skills", UNSET))

        def _parse_status(data: object) -> KnownAgentExecutionStatus | None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_agent_execution_status_known_agent_execution_status = (
                    check_known_agent_execution_status(data)
                )

                return componentsschemas_agent_execution_status_known_agent_execution_status
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(KnownAgentExecutionStatus | None | str | Unset, data)

        status = _parse_status(d.pop("status", UNSET))

        def _parse_internal_status(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        internal_status = _parse_internal_status(d.pop("internal_status", UNSET))

        def _parse_duration(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        duration = _parse_duration(d.pop("duration", UNSET))

        def _parse_ai_model(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        ai_model = _parse_ai_model(d.pop("ai_model", UNSET))

        def _parse_worker(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        worker = _parse_worker(d.pop("worker", UNSET))

        def _parse_ai_employee_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        ai_employee_id = _parse_ai_employee_id(d.pop("ai_employee_id", UNSET))

        def _parse_api_calls_made(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                api_calls_made_type_0 = cast(list[str], data)

                return api_calls_made_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        api_calls_made = _parse_api_calls_made(d.pop("api_calls_made", UNSET))

        def _parse_result(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        result = _parse_result(d.pop("result", UNSET))

        def _parse_llm_tokens(data: object) -> MetricsTokens | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                llm_tokens_type_0 = MetricsTokens.from_dict(data)

                return llm_tokens_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MetricsTokens | None | Unset, data)

        llm_tokens = _parse_llm_tokens(d.pop("llm_tokens", UNSET))

        report_metrics_request = cls(
            execution_id=execution_id,
            memory_thread_id=memory_thread_id,
            source=source,
            sub_executions=sub_executions,
            task=task,
            triggered_by=triggered_by,
            skills=skills,
            status=status,
            internal_status=internal_status,
            duration=duration,
            ai_model=ai_model,
            worker=worker,
            ai_employee_id=ai_employee_id,
            api_calls_made=api_calls_made,
            result=result,
            llm_tokens=llm_tokens,
        )

        report_metrics_request.additional_properties = d
        return report_metrics_request

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
