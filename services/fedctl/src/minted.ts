import { InvitationSchema } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { MintedInvitation } from '@powernode/proto/powernode/peer/v1/invitation_pb.ts'
import { plain } from './plain.ts'

/** A new invitation as an object: what is shown once stands beside what is kept. */
export function plainMinted(minted: MintedInvitation | undefined) {
  if (!minted) return null
  const kept = minted.invitation ? plain(InvitationSchema, minted.invitation) : {}
  return { ...kept, text: minted.text, acceptance_token: minted.acceptanceToken, command: minted.command }
}
