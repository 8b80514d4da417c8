import type { Tx } from '@powernode/postgres'
import { SEALED } from '../secrets.ts'
import type { Tables } from './tables.ts'

/** One secret at rest: what it is sealed under, and how to put it back. */
export type SealedValue = {
  readonly context: string
  readonly sealed: Buffer
  readonly replace: (sealed: Buffer) => Promise<unknown>
}

/** Every secret this schema keeps, each row locked: who seals anew MUST NOT overwrite what is being changed. */
export async function lockAll(tx: Tx<Tables>): Promise<SealedValue[]> {
  const kept = [ofPlatform, ofAuthorities, ofPeers, ofErrands, ofHeldInvitations, ofParentages, ofAcceptanceRuns]
  const all: SealedValue[] = []
  for (const of of kept) all.push(...(await of(tx)))
  return all
}

async function ofPlatform(tx: Tx<Tables>): Promise<SealedValue[]> {
  const rows = await tx.selectFrom('platform').select('identity_key_sealed').forUpdate().execute()
  return rows.map((row) => ({
    context: SEALED.identityKey,
    sealed: row.identity_key_sealed,
    replace: (sealed) => tx.updateTable('platform').set({ identity_key_sealed: sealed }).execute(),
  }))
}

async function ofAuthorities(tx: Tx<Tables>): Promise<SealedValue[]> {
  const rows = await tx
    .selectFrom('authority')
    .select(['generation', 'root_key_sealed', 'issuing_key_sealed'])
    .orderBy('generation')
    .forUpdate()
    .execute()
  const update = (generation: number) => tx.updateTable('authority').where('generation', '=', generation)
  return rows.flatMap(({ generation, root_key_sealed, issuing_key_sealed }) => [
    {
      context: SEALED.rootKey(generation),
      sealed: root_key_sealed,
      replace: (sealed: Buffer) => update(generation).set({ root_key_sealed: sealed }).execute(),
    },
    {
      context: SEALED.issuingKey(generation),
      sealed: issuing_key_sealed,
      replace: (sealed: Buffer) => update(generation).set({ issuing_key_sealed: sealed }).execute(),
    },
  ])
}

async function ofPeers(tx: Tx<Tables>): Promise<SealedValue[]> {
  const rows = await tx
    .selectFrom('peer')
    .select(['id', 'certificate_key_sealed'])
    .where('certificate_key_sealed', 'is not', null)
    .orderBy('id')
    .forUpdate()
    .execute()
  return rows.flatMap(({ id, certificate_key_sealed: sealed }) =>
    sealed === null
      ? []
      : [
          {
            context: SEALED.peerCertificateKey(id),
            sealed,
            replace: (anew: Buffer) =>
              tx.updateTable('peer').set({ certificate_key_sealed: anew }).where('id', '=', id).execute(),
          },
        ],
  )
}

async function ofErrands(tx: Tx<Tables>): Promise<SealedValue[]> {
  const rows = await tx
    .selectFrom('errand')
    .select(['peer_id', 'kind', 'token_sealed'])
    .where('token_sealed', 'is not', null)
    .orderBy('peer_id')
    .forUpdate()
    .execute()
  return rows.flatMap(({ peer_id: id, kind, token_sealed: sealed }) =>
    sealed === null
      ? []
      : [
          {
            context: SEALED.acceptanceToken(id),
            sealed,
            replace: (anew: Buffer) =>
              tx
                .updateTable('errand')
                .set({ token_sealed: anew })
                .where('peer_id', '=', id)
                .where('kind', '=', kind)
                .execute(),
          },
        ],
  )
}

async function ofParentages(tx: Tx<Tables>): Promise<SealedValue[]> {
  const rows = await tx
    .selectFrom('parentage')
    .select(['peer_id', 'enrollment_sealed'])
    .where('enrollment_sealed', 'is not', null)
    .orderBy('peer_id')
    .forUpdate()
    .execute()
  return rows.flatMap(({ peer_id: id, enrollment_sealed: sealed }) =>
    sealed === null
      ? []
      : [
          {
            context: SEALED.enrollment(id),
            sealed,
            replace: (anew: Buffer) =>
              tx.updateTable('parentage').set({ enrollment_sealed: anew }).where('peer_id', '=', id).execute(),
          },
        ],
  )
}

async function ofHeldInvitations(tx: Tx<Tables>): Promise<SealedValue[]> {
  const rows = await tx
    .selectFrom('held_invitation')
    .select(['plan_sha256', 'requested_by', 'invitation_sealed'])
    .orderBy('plan_sha256')
    .orderBy('requested_by')
    .forUpdate()
    .execute()
  return rows.map(({ plan_sha256: planSha256, requested_by: requestedBy, invitation_sealed: sealed }) => ({
    context: SEALED.heldInvitation({ planSha256, requestedBy }),
    sealed,
    replace: (anew) =>
      tx
        .updateTable('held_invitation')
        .set({ invitation_sealed: anew })
        .where('plan_sha256', '=', planSha256)
        .where('requested_by', '=', requestedBy)
        .execute(),
  }))
}

async function ofAcceptanceRuns(tx: Tx<Tables>): Promise<SealedValue[]> {
  const rows = await tx
    .selectFrom('acceptance_run')
    .select(['id', 'token_sealed'])
    .where('token_sealed', 'is not', null)
    .orderBy('id')
    .forUpdate()
    .execute()
  return rows.flatMap(({ id, token_sealed: sealed }) =>
    sealed === null
      ? []
      : [
          {
            context: SEALED.acceptanceRun(id),
            sealed,
            replace: (anew: Buffer) =>
              tx.updateTable('acceptance_run').set({ token_sealed: anew }).where('id', '=', id).execute(),
          },
        ],
  )
}
