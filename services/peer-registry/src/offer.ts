import { platformIdOf } from '@powernode/identity'
import { Refusal } from '@powernode/rpc'
import type { ContractWindow } from './contract.ts'
import { decodeInvitation, isBareToken, isInvitationText } from './invitation.ts'
import { checkPeerUrl } from './url.ts'

/** An invitation as its receiver has it: whole, or only a token and where to take it. */
export type Offer = {
  readonly token: string
  readonly urls: readonly string[]
  readonly caPin: Buffer | null
  readonly identityKey: Buffer | null
  readonly platformId: string | null
  readonly platformName: string
  readonly trustDomain: string | null
  readonly window: ContractWindow | undefined
  readonly expiresAt: Date | undefined
}

/** Reads what the operator pasted: `pni1.…`, or a bare token with the inviter's URL and perhaps its CA pin. */
export function readOffer(said: { invitation: string; url: string; caPin: string }): Offer {
  if (isInvitationText(said.invitation)) return wholeOffer(said.invitation)
  if (!isBareToken(said.invitation))
    throw new Refusal('INVITATION_MALFORMED', 'this is neither an invitation (pni1.…) nor a token of 43 characters', {
      next: 'copy the invitation again, from pni1. to its end',
    })
  if (said.url === '')
    throw new Refusal('URL_INVALID', 'a bare token needs the URL of the platform that made it', {
      next: 'add --url https://… of their federation-gateway, or ask for the whole invitation (pni1.…)',
    })
  return {
    token: said.invitation.trim(),
    urls: [checkPeerUrl(said.url)],
    caPin: said.caPin === '' ? null : Buffer.from(said.caPin, 'hex'),
    identityKey: null,
    platformId: null,
    platformName: '',
    trustDomain: null,
    window: undefined,
    expiresAt: undefined,
  }
}

function wholeOffer(text: string): Offer {
  const { identityKey, urls, ...said } = decodeInvitation(text)
  return { ...said, identityKey, urls: urls.map(checkPeerUrl), platformId: platformIdOf(identityKey) }
}
