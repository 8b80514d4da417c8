import { refusalOf } from '@powernode/rpc'

/** What a peer, or our gateway for it, said no with. */
export type Said = { readonly reason: string; readonly size: number | undefined }

/** The peer's own reason where it was the peer that refused; a fault has none. */
export function saidBy(error: unknown): Said {
  const refusal = refusalOf(error)
  if (!refusal) return { reason: '', size: undefined }
  const { reason, metadata } = refusal
  const size = /^(0|[1-9][0-9]{0,15})$/.test(metadata['size'] ?? '') ? Number(metadata['size']) : undefined
  return { reason: reason === 'PEER_REFUSED' ? (metadata['peer_reason'] ?? reason) : reason, size }
}
