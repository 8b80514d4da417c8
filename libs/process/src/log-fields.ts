/**
 * Every field a log line may carry, so that one thing has one name everywhere: `peer_id`, never `peer` or `peerId`.
 *
 * Values go in fields, never into the message. No field may hold a token, a key or a certificate.
 */
export type LogFields = {
  // who and what was asked
  readonly rpc?: string | undefined
  readonly caller?: string | undefined
  /** How an operator showed who it is: certificate or token. */
  readonly by?: string | undefined
  readonly actor?: string | undefined
  readonly request_id?: string | undefined
  readonly trace_id?: string | undefined
  readonly traceparent?: string | undefined
  readonly remote_address?: string | undefined
  // how it went: 'ok', a refusal's reason, or 'fault'
  readonly outcome?: string | undefined
  readonly reason?: string | undefined
  readonly ms?: number | undefined
  readonly attempt?: number | undefined
  readonly retry_in_ms?: number | undefined
  readonly count?: number | undefined
  readonly bytes?: number | undefined
  readonly error?: unknown
  readonly problems?: readonly string[] | undefined
  // what it was about
  readonly peer_id?: string | undefined
  readonly platform_id?: string | undefined
  readonly invitation_id?: string | undefined
  readonly child_id?: string | undefined
  readonly grant_id?: string | undefined
  readonly decision_id?: string | undefined
  readonly approval_id?: string | undefined
  readonly action?: string | undefined
  readonly event_id?: string | undefined
  readonly rotation_id?: string | undefined
  readonly run_id?: string | undefined
  readonly spiffe_id?: string | undefined
  readonly serial?: string | undefined
  readonly trust_domain?: string | undefined
  readonly state?: string | undefined
  readonly kind?: string | undefined
  readonly generation?: number | undefined
  readonly sequence?: number | undefined
  readonly epoch?: number | undefined
  readonly expires_at?: Date | undefined
  // where in the machinery
  readonly task?: string | undefined
  readonly sweep?: string | undefined
  readonly consumer?: string | undefined
  readonly stream?: string | undefined
  readonly subject?: string | undefined
  readonly schema?: string | undefined
  readonly migration?: string | undefined
  readonly channel?: string | undefined
  readonly address?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly url?: string | undefined
  readonly path?: string | undefined
  readonly endpoint?: string | undefined
  readonly signal?: string | undefined
  readonly resources?: readonly string[] | undefined
}
