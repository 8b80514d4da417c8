import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { CountsReporter } from './counts-reporter.ts'
import { LongestFirst } from './longest-first.ts'
import { isSlowMachine } from './slow-machine.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const FLOWS_SETUP = [`${root}test/setup-flows.ts`]
const isSlow = isSlowMachine()
if (isSlow) {
  process.env['POWERNODE_FEED_LEASE'] ??= '3s'
  process.stdout.write('a slow machine: two files at a time, and leases of 3 s\n')
}

/** What kills, counts or suspends its process, moves its time, or opens all the sockets that there are: alone in one. */
const ALONE = [
  'test/{upgrade,demo}/**/*.test.ts',
  'test/*.test.ts',
  'test/flows/{spawn-crash,spawn-cluster}.test.ts',
  'test/flows/{why,operators,bad-connections,bad-heartbeats,kill-anything,wal-before-answer,grant-history}.test.ts',
]

/** Real packets in network namespaces: run by themselves in .ci/run, since clocks of BGP and tunnels want a machine in time. */
const LAB = ['{services,test}/**/*.lab.test.ts']

/** Times are for a busy machine with two cores: a test waits on states, so a long limit costs nothing. */
export default defineConfig({
  root,
  test: {
    globalSetup: [`${root}test/global-setup.ts`],
    reporters: ['default', new CountsReporter()],
    pool: 'forks',
    // One more than cores: what waits for a beat, a lease or a disk leaves its core to another.
    maxWorkers: isSlow ? 2 : 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 480_000,
    hookTimeout: 480_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 150_000 } },
    // What a test leaves open or rejected fails the run.
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: [
            '{libs,services,deploy}/**/*.test.ts',
            'test/{lint,coverage,history,interop,accounting,simulation}/**/*.test.ts',
          ],
          exclude: LAB,
          // One process for many files: nothing here mocks modules or keeps state in them.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'flows',
          setupFiles: FLOWS_SETUP,
          include: ['test/flows/**/*.test.ts'],
          exclude: [...ALONE, ...LAB],
          // One process for many files here too: to a platform that starts in code that has run before, half is given.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          setupFiles: FLOWS_SETUP,
          include: ALONE,
          exclude: LAB,
        },
      },
      {
        extends: true,
        test: {
          name: 'lab',
          include: LAB,
        },
      },
    ],
  },
})
