import { painter } from '../display.ts'
import { type Platform } from '../platform.ts'
import { cross, type Crossing } from './cross.ts'
import { cutOff, type CutOff } from './cut-off.ts'
import { peerJson, tableOf } from './fedctl.ts'
import { hints } from './hints.ts'
import { overlay, PAPER_NODES, type Overlay } from './network.ts'
import { proveLedgers, type Ledgers } from './ledger.ts'
import { start, type Stage } from './start.ts'
import { type Story } from './story.ts'
import { walk } from './walk.ts'

/** Beats every two seconds instead of every minute: whoever watches sees a peer fall silent and come back. */
const IMPATIENT = {
  'peer-registry': { HEARTBEAT_INTERVAL: '2s', STALE_AFTER: '6s' },
  liveness: { TICK_INTERVAL: '1s' },
}

/** Two platforms from nothing to what a peer may do, by the commands an operator would type. */
export const peersStory: Story = {
  title: 'Two platforms federate',
  remark: 'Both stay up. Ctrl-C ends the demo; the next one continues with its data.',
  async tell(stage, started) {
    const { display, stop } = stage
    let crossings: readonly Crossing[] = []
    let ledger: Ledgers | undefined
    let network: Overlay | undefined
    let partition: CutOff | undefined
    let failure: unknown
    try {
      await start(stage, { names: ['a', 'b'], env: IMPATIENT }, started)
      const [a, b] = started as [Platform, Platform] // both: `start` would have thrown
      if (await walk(a, b, display, stop)) {
        crossings = await cross(a, b, display, stop)
        network = await overlay({ side: a, peer: 'b', ...PAPER_NODES.a }, display, stop)
        ledger = await proveLedgers(a, b, { display, signal: stop, calls: crossings.length })
        partition = await cutOff(a, b, { display, signal: stop })
      }
      await show(a, b, stage)
    } catch (error) {
      failure = error
    }
    const more = () => ({ crossings, network: network ?? null, ledger: ledger ?? null, partition: partition ?? null })
    return { failure, verdict: () => verdict(started, more()) }
  },
  blank: { a: null, b: null },
}

async function verdict(started: readonly Platform[], more: object): Promise<object> {
  const [a = null, b = null] = await Promise.all(started.map((platform) => peerJson(platform).catch(() => null)))
  return { a: { peer: a }, b: { peer: b }, ...more }
}

async function show(a: Platform, b: Platform, { options, display }: Stage): Promise<void> {
  const colours = process.stdout.isTTY && process.env['NO_COLOR'] === undefined && !options.json
  const to = painter(colours)
  for (const platform of [a, b]) {
    display.print(
      `\n  ${to.bold(platform.name.toUpperCase())}  ${to.dim(`${platform.trustDomain} at ${platform.url}`)}`,
    )
    const table = await tableOf(platform, ['peer', 'list'], colours)
    display.print(table.replaceAll(/^(?=.)/gm, '  ').trimEnd())
  }
  if (!options.json || !options.once) display.print(hints(a, b, to))
}
