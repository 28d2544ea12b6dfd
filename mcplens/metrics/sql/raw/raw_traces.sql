-- The traces that tell a session: those that more than one request carried. Two observers of one request see
-- the same span, id and target. Who asks for no sessions does not pay for this.
create or replace view raw_traces as
with

carried as (

    select * from raw_events
    where trace_id is not null

),

final as (

    select trace_id
    from carried
    group by trace_id
    having
        min(span_id) <> max(span_id)
        or min(request_id) <> max(request_id)
        or min(target) <> max(target)

)

select * from final;

comment on view raw_traces is 'One row per trace that holds more than one request.';
comment on column raw_traces.trace_id is 'The W3C trace.';
