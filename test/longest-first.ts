import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Seconds that the longest files take, as far as a checkout that has never run them can know. */
const SECONDS: Readonly<Record<string, number>> = {
  'test/flows/spawn-crash.test.ts': 130,
  'test/demo/spawn.test.ts': 120,
  'test/demo/demo.test.ts': 100,
  'test/flows/kill-anything.test.ts': 95,
  'test/flows/bad-heartbeats.test.ts': 65,
  'test/flows/bad-connections.test.ts': 55,
  'test/simulation/simulation.test.ts': 50,
  'test/flows/diagnosis.test.ts': 50,
  'test/flows/grant-history.test.ts': 45,
  'test/flows/spawn-managed.test.ts': 43,
  'test/flows/first-run.test.ts': 42,
  'test/flows/runbook-heartbeats.test.ts': 39,
  'services/audit-ledger/src/files/faults.pg.test.ts': 38,
  'test/flows/spawn-bad-input.test.ts': 20,
  'test/flows/bad-input.test.ts': 32,
  'test/accounting/events.test.ts': 32,
  'test/flows/fedctl.test.ts': 30,
  'test/flows/runbook-handshake.test.ts': 30,
  'test/flows/foreign-clients.test.ts': 30,
  'test/flows/ca-rotation.test.ts': 29,
  'test/flows/why.test.ts': 29,
  'test/flows/spawn-cluster.test.ts': 29,
  'test/flows/runbook-grants.test.ts': 28,
  'test/flows/service-levels.test.ts': 27,
  'deploy/dev/src/platform.test.ts': 27,
  'test/flows/fedctl-ledger.test.ts': 27,
  'test/flows/fedctl-grants.test.ts': 25,
  'test/accounting/appends.test.ts': 23,
  'test/flows/partition.test.ts': 23,
  'test/flows/ledger-recovery.test.ts': 23,
  'test/flows/served-kinds.test.ts': 23,
  'test/flows/spawn-autonomous.test.ts': 35,
  'services/federation-gateway/test/roads.test.ts': 20,
  'test/flows/network-crossing.test.ts': 20,
  'test/flows/governance.test.ts': 19,
  'services/federation-gateway/test/egress.test.ts': 18,
  'test/flows/operators.test.ts': 18,
  'test/flows/versions.test.ts': 18,
  'libs/policy/src/decide.properties.test.ts': 17,
  'test/flows/residency.test.ts': 17,
  'test/flows/forged-news.test.ts': 17,
  'test/flows/peer-accepts.test.ts': 17,
}

/** The same of the longest that hardly compute: they wait for leases to end, standbys to follow and machines to be given up. */
const WAITING: Readonly<Record<string, number>> = {
  'deploy/postgres/cluster-member.test.ts': 84,
  'deploy/postgres/fail-back-again.test.ts': 68,
  'libs/feed/src/feed.pg.test.ts': 28,
  'deploy/postgres/replica.test.ts': 26,
  'deploy/postgres/fail-back.test.ts': 19,
  'libs/events/src/signed-events.pg.test.ts': 18,
  'services/spawn-provisioner/src/providers/process/process-provider.test.ts': 16,
  'deploy/postgres/promotion-repeated.test.ts': 14,
  'deploy/postgres/promotion-approved.test.ts': 12,
}

const UNKNOWN_SECONDS = 10

/**
 * Of each project the longest files first: one that begins last keeps a single worker busy while the others have nothing
 * left. What a run took here counts, else what is said above; among those that nobody knows, the larger is taken for the longer.
 *
 * Those that wait come one after another from the start, beside whole platforms, of which each asks for more than a core: all
 * at once they would leave the cores to nobody, and last they would keep everybody.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files)
    const projects = [...new Set(bySize.map(({ project }) => project))]
    const place = ({ project }: TestSpecification) => projects.indexOf(project)
    const longestFirst = bySize.toSorted((one, other) => this.#secondsOf(other) - this.#secondsOf(one))
    const waits = (file: TestSpecification) => this.#nameOf(file) in WAITING
    const rest = longestFirst.filter((file) => !waits(file)).toSorted((one, other) => place(one) - place(other))
    const begun = [
      ...this.#begins(longestFirst.filter(waits), 1),
      ...this.#begins(rest, Math.max(1, this.ctx.config.maxWorkers - 1)),
    ]
    return begun.toSorted((one, other) => one.at - other.at).map(({ file }) => file)
  }

  /** When each begins, in seconds, if so many workers take them in this order. */
  #begins(files: readonly TestSpecification[], workers: number): { file: TestSpecification; at: number }[] {
    const free = Array.from({ length: workers }, () => 0)
    return files.map((file) => {
      const at = Math.min(...free)
      free[free.indexOf(at)] = at + this.#secondsOf(file)
      return { file, at }
    })
  }

  #secondsOf(file: TestSpecification): number {
    const noted = this.ctx.cache.getTestSpecificationResult(file)
    const name = this.#nameOf(file)
    return noted ? noted.duration / 1_000 : (SECONDS[name] ?? WAITING[name] ?? UNKNOWN_SECONDS)
  }

  #nameOf({ moduleId }: TestSpecification): string {
    return relative(this.ctx.config.root, moduleId)
  }
}
