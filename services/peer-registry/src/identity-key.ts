import { checkIdentityKey, InvalidKey } from '@powernode/identity'
import { Refusal } from '@powernode/rpc'

/** A foreign identity key, provided somebody can rightly own it (RFC 8032: canonical, not of low order). MUST be asked before it is believed. */
export function checkedKey(raw: Uint8Array): Uint8Array {
  try {
    checkIdentityKey(raw)
    return raw
  } catch (error) {
    if (!(error instanceof InvalidKey)) throw error
    throw new Refusal('IDENTITY_KEY_INVALID', error.message, {
      next: 'the other platform has to be set up anew: this cannot be a key of its own',
    })
  }
}
