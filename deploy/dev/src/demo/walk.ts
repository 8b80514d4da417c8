import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { type Display } from '../display.ts'
import { type Platform } from '../platform.ts'
import { commandLine, fedctl } from './fedctl.ts'
import { openRegistry, stateWord } from './registry.ts'

/**
 * Leads two platforms from wherever they stand to active on both sides.
 *
 * Each step is a command an operator could have typed, shown as it is run. What an earlier demo did is not done again;
 * what an operator undid since (a suspended or revoked peering) is left as it is. Returns whether both are active.
 */
export async function walk(a: Platform, b: Platform, display: Display, signal: AbortSignal): Promise<boolean> {
  const closing = new AbortController()
  const open = AbortSignal.any([signal, closing.signal])
  try {
    const [atA, atB] = [openRegistry(a, open), openRegistry(b, open)]
    const [known, knownThere] = await Promise.all([
      atA.peering(b.trustDomain, b.url),
      atB.peering(a.trustDomain, a.url),
    ])
    const undone = [known, knownThere].find((peer) => peer !== undefined && UNDONE.has(peer.state))
    if (undone) {
      const what = `${undone.name} is ${stateWord(undone.state)}: ${undone.reason}`
      display.print(
        `    ${what}\n    ${undone.next ? `next: ${undone.next}` : 'start over with: npm run demo -- --fresh'}`,
      )
      return false
    }
    if (known && knownThere) {
      display.print('    they know each other from before')
      await sayWhereToFind(a, { as: known, to: b }, display, open)
      await sayWhereToFind(b, { as: knownThere, to: a }, display, open)
    } else await introduce({ a, b, propose: known === undefined }, display, open)

    await Promise.all([
      display.step('A sees B active', (say) => atA.active(b.trustDomain, b.url, say)),
      display.step('B sees A active', (say) => atB.active(a.trustDomain, a.url, say)),
    ])
    return true
  } finally {
    closing.abort()
  }
}

/** When both have moved, neither can tell the other: then their operators have to. */
async function sayWhereToFind(
  platform: Platform,
  { as: known, to }: { readonly as: Peer; readonly to: Platform },
  display: Display,
  signal: AbortSignal,
): Promise<void> {
  if (known.url === to.url) return
  const args = ['peer', 'update', known.id, '--url', to.url]
  await display.step(`${platform.name.toUpperCase()} learns where ${to.name.toUpperCase()} is now`, (say) => {
    say(commandLine(platform, args))
    return fedctl(platform, args, signal)
  })
}

const UNDONE: ReadonlySet<PeerState> = new Set([PeerState.SUSPENDED, PeerState.REVOKED])

/** Propose, invite, preview, accept. */
async function introduce(
  { a, b, propose }: { readonly a: Platform; readonly b: Platform; readonly propose: boolean },
  display: Display,
  signal: AbortSignal,
): Promise<void> {
  const type = <T>(name: string, platform: Platform, args: readonly string[]) =>
    display.step(name, (say) => {
      say(shortened(commandLine(platform, args)))
      return fedctl<T>(platform, args, signal)
    })

  if (propose) await type('A proposes to peer with B', a, ['peer', 'propose', b.url, '--name', 'b', '--no-invitation'])
  const minted = await type<Minted>('A makes an invitation', a, ['invite', 'create', 'b', '--name', 'demo'])
  const { text } = minted.invitation
  await type('B looks at the invitation', b, ['invite', 'preview', text])
  await type('B accepts it', b, ['peer', 'accept', text, '--name', 'a'])
}

type Minted = { readonly invitation: { readonly text: string } }

/** An invitation is a long word that fills the screen and says nothing. */
const shortened = (line: string) => line.replaceAll(/pni1\.\S{12,}/g, (text) => `${text.slice(0, 12)}…`)
