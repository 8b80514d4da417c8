/** What one server of ours puts up with. None of these is meant to be met by an honest caller. */
export const LIMITS = {
  /** From TCP connection to finished TLS handshake. */
  handshakeMs: 5_000,
  /** From finished handshake to first request. */
  silenceMs: 10_000,
  /** Connections in their handshake, of one address and in all. When one more comes, the oldest goes: honest ones are quick. */
  handshakesPerSource: 256,
  handshakes: 1_024,
  /** Connections of one address that have shown a certificate of ours. */
  connectionsPerSource: 1_024,
  /** Calls at a time on one connection. */
  streamsPerConnection: 256,
  headerBytes: 16_384,
  /** Connections the system keeps ready for us to accept. */
  backlog: 1_024,
  /** How long a stopping server waits for the calls it has. */
  drainMs: 5_000,
  /** How long we go on reading, and forgetting, what comes after our answer. */
  unreadBodyMs: 1_000,
  sweepMs: 1_000,
} as const
