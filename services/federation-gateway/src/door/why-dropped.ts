/** Why a connection was closed before anything was asked on it. A closed list: it labels a metric. */
export type Dropped =
  | 'silent'
  | 'crowded_out'
  | 'plaintext'
  | 'handshake_rate'
  | 'handshake_timeout'
  | 'handshake_reset'
  | 'tls_version'
  | 'not_http2'
  | 'handshake_failed'
  | 'no_first_frame'
  | 'trust_changed'
  | 'too_many_callers'
  | 'too_many_connections'

const BY_CODE: Readonly<Record<string, Dropped>> = {
  ERR_TLS_HANDSHAKE_TIMEOUT: 'handshake_timeout',
  ECONNRESET: 'handshake_reset',
  EPIPE: 'handshake_reset',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'tls_version',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls_version',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'not_http2',
  ERR_SSL_HTTP_REQUEST: 'plaintext',
}

/** What a failed TLS handshake is called. */
export function whyDropped(error: Error): Dropped {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return BY_CODE[code] ?? 'handshake_failed'
}
