/** What the door grants at most. Every number has a default in config.ts, so that an operator sees them in one place. */
export type DoorLimits = {
  /** Connections nobody has vouched for: in all, and from one address (one /64). */
  readonly strangers: number
  readonly strangersPerSource: number
  /** Connections of callers we know: in all, and of one of them. */
  readonly callers: number
  readonly connectionsPerCaller: number
  /** TLS handshakes begun per second from one source. */
  readonly handshakesPerSource: number
  /** From the connection to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number
  /** From there to the first frame of HTTP/2. */
  readonly firstFrameTimeoutMs: number
  /** A stranger has come to redeem an invitation, which is one call; then it has to go. */
  readonly strangerLifetimeMs: number
  /** How long calls may take to finish once the door closes, or a connection is to end. */
  readonly graceMs: number
}

/** What one call, and one caller, may ask for. */
export type CallLimits = {
  readonly messageBytes: number
  readonly streamsPerConnection: number
  /** Calls per second of one peer. */
  readonly callsPerPeer: number
  /** Streams of resources that one peer may have open. */
  readonly watchesPerPeer: number
  /** Accepts per minute from one source, and with one token. */
  readonly acceptsPerSource: number
  readonly acceptsPerToken: number
  /** How long a diagnosis takes for a peer that asks for one, at the least. */
  readonly diagnosisMs: number
  /** What a caller that sets no deadline gets, and what nobody gets more than. */
  readonly defaultDeadlineMs: number
  readonly maxDeadlineMs: number
}
