import { randomBytes, randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { durationMs, timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { Clock } from '@powernode/clock'
import { platformIdOf } from '@powernode/identity'
import { PlatformDescriptionSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { InvitationSchema, PeerSchema, PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  CancelChildResponseSchema,
  ExtendBootInvitationResponseSchema,
  PrepareChildResponseSchema,
  RotateBootInvitationResponseSchema,
} from '@powernode/proto/powernode/peer/v1/child_pb.ts'
import { MintedInvitationSchema } from '@powernode/proto/powernode/peer/v1/invitation_pb.ts'
import {
  GetPeerResponseSchema,
  GetPlatformResponseSchema,
  ListPeersResponseSchema,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { SpawnDeps } from '../spawn-deps.ts'

type Invitation = { readonly token: string; expiresAt: Date; isDead: boolean }
type Row = { readonly peer: Peer; readonly spawnId: string; readonly invitations: Invitation[] }
type Verb = 'prepareChild' | 'rotateBootInvitation' | 'extendBootInvitation' | 'cancelChild' | 'getPeer'

const IDENTITY = randomBytes(32)

/** What peer-registry does for children, in memory: for tests of what is done with its answers, and without them. */
export class FakeRegistry {
  readonly rows = new Map<string, Row>()
  readonly #clock: Clock
  readonly #failures = new Map<Verb, { readonly error: Error; readonly after: boolean | (() => void) }>()
  /** Names that somebody else has. */
  readonly taken = new Set<string>()
  /** Answers nobody. */
  away = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The next call fails: before anything is done, or `after` it was, as when only the answer is lost; and what happens then. */
  failNext(verb: Verb, error: Error, after: boolean | (() => void) = false): void {
    this.#failures.set(verb, { error, after })
  }

  /** The child boots with this token; whether it may. */
  redeem(token: string, platformId = platformIdOf(randomBytes(32))): string {
    const row = [...this.rows.values()].find(({ invitations }) => invitations.some((one) => one.token === token))
    const invitation = row?.invitations.find((one) => one.token === token)
    if (!row || !invitation || invitation.isDead || invitation.expiresAt <= this.#clock.now()) throw new Error('dead')
    invitation.isDead = true
    row.peer.state = PeerState.ENROLLED
    row.peer.platformId = platformId
    return platformId
  }

  /** Beats go both ways; or whatever else becomes of the peering. */
  move(peerId: string, state: PeerState): void {
    this.#row(peerId).peer.state = state
  }

  /** Tokens that somebody could still redeem. */
  openTokens(): string[] {
    return [...this.rows.values()].flatMap(({ invitations }) =>
      invitations.flatMap((one) => (one.isDead || one.expiresAt <= this.#clock.now() ? [] : [one.token])),
    )
  }

  /** As spawn-provisioner calls it. */
  client(): SpawnDeps['registry'] {
    const calls = {
      getPlatform: async () =>
        create(GetPlatformResponseSchema, {
          platform: create(PlatformDescriptionSchema, {
            platformId: platformIdOf(IDENTITY),
            identityKey: Uint8Array.from(IDENTITY),
            trustDomain: 'parent.example',
            name: 'Parent',
            disclosure: { contact: 'ops@parent.example', jurisdiction: 'EU' },
            endpoints: [{ url: 'https://127.0.0.1:8443' }],
          }),
          caPin: 'ab'.repeat(32),
        }),
      getPeer: async ({ peer = '' }) =>
        this.#doing('getPeer', () => create(GetPeerResponseSchema, { peer: this.#row(peer).peer })),
      listPeers: async ({ states = [] as readonly PeerState[] }) =>
        this.#doing('getPeer', () => {
          const peers = [...this.rows.values()].map(({ peer }) => peer).filter(({ state }) => states.includes(state))
          return create(ListPeersResponseSchema, { peers })
        }),
      prepareChild: async ({ spawnId = '', name = '', tokenTtl, dryRun = false }: Prepare) => {
        if (dryRun) return create(PrepareChildResponseSchema)
        return this.#doing('prepareChild', () => {
          const known = [...this.rows.values()].find((row) => row.spawnId === spawnId)
          if (!known && this.taken.has(name)) throw new Refusal('PEER_NAME_TAKEN', `a peer is called ${name}`)
          const row = known ?? { spawnId, peer: create(PeerSchema, { id: randomUUID(), name, state: PeerState.PROPOSED, createdAt: timestampFromDate(this.#clock.now()), metadata: { spawn_id: spawnId } }), invitations: [] } // prettier-ignore
          if (row.peer.state !== PeerState.PROPOSED)
            throw new Refusal('BOOT_INVITATION_OVER', 'over', { metadata: { peer_id: row.peer.id } })
          this.rows.set(row.peer.id, row)
          return create(PrepareChildResponseSchema, { peer: row.peer, invitation: this.#mint(row, tokenTtl) })
        })
      },
      rotateBootInvitation: async ({ peerId = '', tokenTtl }: Rotate) =>
        this.#doing('rotateBootInvitation', () => {
          const row = this.#row(peerId)
          if (row.peer.state !== PeerState.PROPOSED) throw new Refusal('BOOT_INVITATION_OVER', 'redeemed')
          return create(RotateBootInvitationResponseSchema, { invitation: this.#mint(row, tokenTtl) })
        }),
      extendBootInvitation: async ({ peerId = '', expiresAt }: Extend) =>
        this.#doing('extendBootInvitation', () => {
          const open = this.#row(peerId).invitations.find(({ isDead, expiresAt: until }) => !isDead && until > this.#clock.now()) // prettier-ignore
          if (!open || !expiresAt) throw new Refusal('BOOT_INVITATION_OVER', 'over')
          open.expiresAt = timestampDate(expiresAt)
          return create(ExtendBootInvitationResponseSchema, { invitation: invitationOf(open) })
        }),
      cancelChild: async ({ peerId = '', reason = '' }) =>
        this.#doing('cancelChild', () => {
          const { peer, invitations } = this.#row(peerId)
          for (const invitation of invitations) invitation.isDead = true
          peer.state = PeerState.REVOKED
          peer.reason = reason
          return create(CancelChildResponseSchema, { peer })
        }),
    }
    return calls as unknown as SpawnDeps['registry'] // the calls that this service makes
  }

  #doing<Answer>(verb: Verb, act: () => Answer): Answer {
    if (this.away) throw new Refusal('SERVICE_UNAVAILABLE', 'peer-registry is away')
    const failure = this.#failures.get(verb)
    this.#failures.delete(verb)
    if (failure && !failure.after) throw failure.error
    const answer = act()
    if (typeof failure?.after === 'function') failure.after()
    if (failure) throw failure.error
    return answer
  }

  #mint({ invitations }: Row, ttl: Prepare['tokenTtl']) {
    for (const invitation of invitations) invitation.isDead = true
    const expiresAt = new Date(this.#clock.now().getTime() + (ttl ? durationMs(ttl as never) : 600_000))
    const invitation = { token: randomBytes(32).toString('base64url'), expiresAt, isDead: false }
    invitations.push(invitation)
    return create(MintedInvitationSchema, {
      invitation: invitationOf(invitation),
      acceptanceToken: invitation.token,
    })
  }

  #row(peerId: string): Row {
    const row = this.rows.get(peerId)
    if (!row) throw new Refusal('PEER_NOT_FOUND', `no peer ${peerId}`)
    return row
  }
}

const invitationOf = ({ expiresAt }: Invitation) =>
  create(InvitationSchema, { id: randomUUID(), expiresAt: timestampFromDate(expiresAt) })

type Ttl = { readonly seconds?: bigint; readonly nanos?: number }
type Prepare = { readonly spawnId?: string; readonly name?: string; readonly tokenTtl?: Ttl; readonly dryRun?: boolean }
type Rotate = { readonly peerId?: string; readonly tokenTtl?: Ttl }
type Extend = { readonly peerId?: string; readonly expiresAt?: ReturnType<typeof timestampFromDate> }
