-- For wrk: sends requests that were written ahead, and says in a line of JSON what came of it.
-- Arguments: a file of whole requests, each followed by a zero byte; a file of their indices, in the order in which they are sent.

local function content(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(args)
  local requests, order, sent = {}, {}, 0
  for each in content(args[1]):gmatch("[^%z]+") do requests[#requests + 1] = each end
  for index in content(args[2]):gmatch("%d+") do order[#order + 1] = requests[tonumber(index) + 1] end
  local count = #order
  if count == 1 then
    -- Without a global function of the name "request", wrk formats once and never calls Lua again.
    wrk.format = function() return order[1] end
  else
    request = function()
      sent = sent % count + 1
      return order[sent]
    end
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "bytes": %d, "microseconds": %d, "connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.bytes, summary.duration, errors.connect, errors.read, errors.write, errors.status, errors.timeout
  ))
end
