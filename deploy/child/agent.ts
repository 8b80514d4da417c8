import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { backoffMs, type Clock } from '@powernode/clock'
import { logFile } from '../dev/src/layout.ts'
import type { Platform } from '../dev/src/platform.ts'
import { agentEnvironment } from './agent-environment.ts'
import { tell } from './console.ts'

const WATCH_MS = 250
const BACKOFF = { firstMs: 500, mostMs: 30_000 }

/** One life of the agent: ends by itself, or because it is told to. */
export type AgentLife = (told: Told, signal: AbortSignal) => Promise<Death>

export type Told = {
  readonly env: Readonly<Record<string, string>>
  readonly stateDir: string
  readonly logFile: string
}

/** `chosen`: it has finished, or knows that another start would end the same. */
export type Death = 'chosen' | 'mishap'

export type AgentPlace = {
  readonly platform: Platform
  readonly stateDir: string
  /** Where the payload lies, as the kernel shows fw_cfg. */
  readonly payload: string
  readonly live: AgentLife
  readonly clock: Clock
}

/**
 * Keeps the node's agent running beside its platform, and says on the console what it is doing.
 *
 * An agent that ended by its own choice has finished, or knows that another start would end the same: the platform stays
 * up either way, and a new payload (SIGHUP) begins the agent anew. One that died otherwise is started again.
 */
export async function keepAgent(place: AgentPlace, signal: AbortSignal): Promise<void> {
  const { clock, platform, stateDir, payload, live } = place
  const told = {
    env: agentEnvironment(platform, { stateDir, payload }),
    stateDir,
    logFile: logFile(platform, 'node-agent'),
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o711 })
  void watchProgress(join(stateDir, 'progress'), clock, signal)
  let failures = 0
  while (!signal.aborted) {
    const anew = new AbortController()
    const restamped = () => anew.abort()
    process.once('SIGHUP', restamped)
    const until = AbortSignal.any([signal, anew.signal])
    const death = await live(told, until)
    if (until.aborted) failures = 0
    else if (death === 'chosen') await aborted(until)
    else await clock.sleep(backoffMs(++failures, BACKOFF), until)
    process.off('SIGHUP', restamped)
  }
}

/** The agent writes what it waits for into a file; whoever looks at the machine from outside sees its console only. */
async function watchProgress(file: string, clock: Clock, signal: AbortSignal): Promise<void> {
  let last = ''
  while (!signal.aborted) {
    const said = existsSync(file) ? readFileSync(file, 'utf8').trim() : ''
    if (said !== last && said !== '') tell('progress', said)
    last = said
    await clock.sleep(WATCH_MS, signal)
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
