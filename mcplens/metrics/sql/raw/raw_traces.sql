-- The traces that tell a session: those that more than one request of a client carried. Two observers of one
-- request see the same span, id and target; the rounds of one call, and what a server asks within it, are no
-- second one. Who asks for no sessions does not pay for this.
create or replace view raw_traces as
with

carried as (

    select * from raw_events
    where
        trace_id is not null
        and direction = 'to_server'
        and is_final is not false

),

final as (

    select trace_id
    from carried
    group by trace_id
    having
        -- Its first round was written as open, perhaps, before there was another.
        min(coalesce(call_id, event_id)) <> max(coalesce(call_id, event_id))
        and (
            min(span_id) <> max(span_id)
            or min(request_id) <> max(request_id)
            or min(target) <> max(target)
        )

)

select * from final;

comment on view raw_traces is
'One row per trace that holds more than one request of a client; the rounds of a call are one.';
comment on column raw_traces.trace_id is 'The W3C trace.';
