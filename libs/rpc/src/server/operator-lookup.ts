import type { Holder, OperatorCaller } from '../calls/caller.ts'

/** What a request shows of whoever sends it. */
export type Credentials = {
  /** Whom the certificate names: an operator, or the service at our operators' door, which speaks for them by token. */
  readonly holder: Holder
  /** SHA-256 of the certificate's DER, base64url: what a token may be bound to (RFC 8705). */
  readonly certificateSha256: string
  /** The JWT of `authorization: Bearer`. When there is one, it alone says who the operator is. */
  readonly token: string | undefined
}

/** Knows our operators: who they are, and what each may do now. */
export interface OperatorLookup {
  /**
   * The operator these credentials show. MUST throw a Refusal for one it does not know (OPERATOR_UNKNOWN), one who may do
   * nothing for now (OPERATOR_PAUSED), a token that does not hold (TOKEN_INVALID), and when what it knows is too old to
   * go by (POLICY_STALE).
   */
  identify(credentials: Credentials, signal: AbortSignal): Promise<OperatorCaller>
}
