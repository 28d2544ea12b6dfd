-- Which connections were recorded twice, by observers one behind the other: what the inner one saw does not
-- count. A proxy tells the server that it starts, and is believed as long as its own recording is here and
-- began alike. Nobody tells the others: they are known by the same first requests, answered within a second
-- of each other (a request may wait in a pipe until what stands between has started), on behalf of one
-- process where that is known, and one to one. Where a stateless client speaks HTTP, many connections may be
-- recorded as one, so that nothing follows from how it began.
create or replace view raw_shadows as
with

written as (

    select * from raw_connections

),

known as (

    select
        connection_id,
        max(
            case observer
                when 'client' then 1
                when 'proxy' then 2
                when 'server' then 3
                else 4
            end
        ) as place_from_client,
        max(shadowed_by) as told_by,
        -- The number of requests stands first, so that the greatest knows most.
        max(opening_hash) as opening_hash,
        max(client_process_id) as client_process_id,
        max(case when server_basis = 'handshake' then server_name end) as server_name,
        max(client_name) as client_name,
        coalesce(min(first_answered_at), min(first_request_at)) as began_at,
        bool_or(transport = 'http' and protocol_version >= '2026-07-28') as is_merged
    from written
    group by connection_id

),

links as (

    select
        connection_id,
        place_from_client,
        told_by,
        split_part(opening_hash, '-', 1) as request_count,
        split_part(opening_hash, '-', 2) as beginning,
        nullif(split_part(opening_hash, '-', 3), '') as asked,
        client_process_id,
        server_name,
        client_name,
        began_at,
        is_merged
    from known

),

told as (

    select
        inside.connection_id,
        outside.connection_id as shadowed_by
    from links as inside
    inner join links as outside
        on
            inside.told_by = outside.connection_id
            and inside.connection_id <> outside.connection_id
    where
        case
            when inside.request_count = outside.request_count then inside.beginning = outside.beginning
            -- Of how many requests one knows more, nothing can be compared but who spoke.
            else
                (inside.client_name <> outside.client_name) is not true
                and (inside.server_name <> outside.server_name) is not true
        end

),

untold as (

    select
        links.*,
        date_trunc('second', links.began_at) as began_second
    from links
    left join told on links.connection_id = told.connection_id
    where
        told.connection_id is null
        and links.beginning is not null
        and links.is_merged is not true

),

-- With observers of one kind there is nothing to compare.
outermost as (

    select min(place_from_client) as place_from_client
    from links

),

-- Connections of years may begin alike; only those of the same moment are compared.
around as (

    select
        *,
        began_second + to_seconds(unnest([-1, 0, 1])) as other_second
    from untold
    where place_from_client > (select outermost.place_from_client from outermost)

),

alike as (

    select
        inside.connection_id,
        inside.place_from_client,
        outside.connection_id as shadowed_by,
        outside.place_from_client as from_client,
        inside.began_at as inner_began_at,
        outside.began_at as outer_began_at,
        abs(epoch_us(outside.began_at) - epoch_us(inside.began_at)) as apart_us
    from around as inside
    inner join links as outside
        on
            inside.beginning = outside.beginning
            and inside.request_count = outside.request_count
            and inside.other_second = date_trunc('second', outside.began_at)
    where
        outside.place_from_client < inside.place_from_client
        and outside.is_merged is not true
        and (inside.asked <> outside.asked) is not true
        and (inside.client_process_id <> outside.client_process_id) is not true
        and (inside.server_name <> outside.server_name) is not true
        and abs(epoch_us(outside.began_at) - epoch_us(inside.began_at)) <= 1000000

),

-- Several that began alike at once, as an agent's helpers do, began in one order for all who saw them.
placed as (

    select
        *,
        row_number() over (
            partition by connection_id, from_client
            order by outer_began_at, shadowed_by
        ) as outer_turn,
        row_number() over (
            partition by shadowed_by, place_from_client
            order by inner_began_at, connection_id
        ) as inner_turn
    from alike

),

measured as (

    select
        *,
        apart_us > 100000 as is_far,
        abs(outer_turn - inner_turn) as turns_apart
    from placed

),

ranked as (

    select
        connection_id,
        shadowed_by,
        row_number() over (
            partition by connection_id
            order by
                from_client desc,
                is_far asc,
                turns_apart asc,
                apart_us asc,
                shadowed_by asc
        ) as outer_place,
        row_number() over (
            partition by shadowed_by, place_from_client
            order by
                is_far,
                turns_apart,
                apart_us,
                connection_id
        ) as inner_place
    from measured

),

final as (

    select
        connection_id,
        shadowed_by,
        'told' as basis
    from told
    union all
    select
        connection_id,
        shadowed_by,
        'opening' as basis
    from ranked
    where
        outer_place = 1
        and inner_place = 1

)

select * from final;

comment on view raw_shadows is 'One row per connection that another observer recorded from further out.';
comment on column raw_shadows.connection_id is 'The connection.';
comment on column raw_shadows.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column raw_shadows.basis is 'How that is known: told by the outer observer, or opening.';
