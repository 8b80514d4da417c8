import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fromJsonString, toJsonString } from '@bufbuild/protobuf'
import { NodeStateSchema, type NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { z } from 'zod'
import type { Former } from '../back-ends/connections.ts'
import { syncFolder, writeDurably } from '../../first-run/write-durably.ts'

const BEGUN = z.object({
  /** The version that was begun. */
  version: z.string(),
  /** Interfaces that are being made, and bear no mark yet. */
  making: z.array(z.string()),
})

const PRINTS = z.object({
  /** Of our table, for each room of the node. */
  nftables: z.record(z.string(), z.string()),
  /** Of what FRR runs; empty: we have never told it anything. */
  frr: z.string(),
})

const FORMERS = z.array(z.object({ nftables: z.string(), prefixes: z.record(z.string(), z.array(z.string())) }))

/** What the machine looked like right after it was brought to a state: what differs later is somebody else's doing. */
export type Prints = z.infer<typeof PRINTS>

/**
 * What of the network is on this node's disk: the state that was confirmed, and, while another is tried, that one and how
 * far it came. Whoever is killed in between finds here what has to be put back. Holds preshared keys: every file is 0600.
 */
export class Journal {
  readonly #dir: string

  constructor(stateDir: string) {
    this.#dir = stateDir
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
  }

  /** The confirmed state. */
  kept(): NodeState | undefined {
    return this.#state('state.json')
  }

  /** What was begun and not brought to an end. */
  interrupted():
    | { readonly state: NodeState | undefined; readonly making: ReadonlySet<string>; readonly version: string }
    | undefined {
    // prettier-ignore
    const begun = this.#read('journal.json', BEGUN)
    return begun && { state: this.#state('candidate.json'), making: new Set(begun.making), version: begun.version }
  }

  /** MUST be over before anything is changed. What an earlier one was making, and could not take away, is still to be found. */
  async begin(state: NodeState): Promise<void> {
    const making = this.#read('journal.json', BEGUN)?.making ?? []
    await this.#write('candidate.json', toJsonString(NodeStateSchema, state))
    await this.#note({ version: state.version, making })
  }

  /** MUST be over before the interface is made. */
  async making(version: string, name: string): Promise<void> {
    const before = this.#read('journal.json', BEGUN)?.making ?? []
    await this.#note({ version, making: [...new Set([...before, name])] })
  }

  /** What was tried is what holds from now on. */
  async keep(): Promise<void> {
    await rename(this.#path('candidate.json'), this.#path('state.json'))
    await this.end()
  }

  /** This is what is put back from now on, whatever was confirmed before. */
  async replaceKept(state: NodeState): Promise<void> {
    await this.#write('state.json', toJsonString(NodeStateSchema, state))
  }

  /** What was tried is no more. */
  async end(): Promise<void> {
    rmSync(this.#path('journal.json'), { force: true })
    rmSync(this.#path('candidate.json'), { force: true })
    await syncFolder(this.#dir)
  }

  prints(): Prints {
    return this.#read('prints.json', PRINTS) ?? { nftables: {}, frr: '' }
  }

  async print(prints: Prints): Promise<void> {
    await this.#write('prints.json', JSON.stringify(prints))
  }

  /** Firewalls that held, and under which connections began that go on without a rule. */
  formers(): readonly Former[] {
    return this.#read('formers.json', FORMERS) ?? []
  }

  async keepFormers(formers: readonly Former[]): Promise<void> {
    if (formers.length > 0) return this.#write('formers.json', JSON.stringify(formers))
    rmSync(this.#path('formers.json'), { force: true })
    await syncFolder(this.#dir)
  }

  #note(begun: z.infer<typeof BEGUN>): Promise<void> {
    return this.#write('journal.json', JSON.stringify(begun))
  }

  #state(file: string): NodeState | undefined {
    return existsSync(this.#path(file))
      ? fromJsonString(NodeStateSchema, readFileSync(this.#path(file), 'utf8'))
      : undefined
  }

  #read<T>(file: string, schema: z.ZodType<T>): T | undefined {
    return existsSync(this.#path(file)) ? schema.parse(JSON.parse(readFileSync(this.#path(file), 'utf8'))) : undefined
  }

  #write(file: string, text: string): Promise<void> {
    return writeDurably(this.#path(file), text, 0o600)
  }

  #path(file: string): string {
    return join(this.#dir, file)
  }
}
