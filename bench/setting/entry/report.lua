-- What wrk has counted, as one line of JSON. Times are in microseconds.
done = function(summary, latency)
   local errors = summary.errors
   local bad = errors.connect + errors.read + errors.write + errors.status + errors.timeout
   io.write(string.format(
      '{"requests": %d, "bytes": %d, "duration": %d, "p50": %d, "p99": %d, "bad": %d}\n',
      summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99), bad))
end
