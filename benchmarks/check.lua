-- For wrk: counts answers that are not complete, and prints the figures as JSON.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  incomplete = 0
end

function response(status, headers, body)
  -- A dashboard lists what it lacks under "errors".
  if status ~= 200 or body:find('"errors": ?{"') then
    incomplete = incomplete + 1
  end
end

function done(summary, latency, requests)
  local incomplete = 0
  for _, thread in ipairs(threads) do
    incomplete = incomplete + thread:get("incomplete")
  end
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "p50_ms": %f, "p95_ms": %f, "incomplete": %d, "failed": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, incomplete,
    errors.connect + errors.read + errors.write + errors.timeout
  ))
end
