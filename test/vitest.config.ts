import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { CountsReporter } from './counts-reporter.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Times are for a busy machine with two cores: a test waits on states, so a long limit costs nothing. */
export default defineConfig({
  root,
  test: {
    globalSetup: [`${root}test/global-setup.ts`],
    reporters: ['default', new CountsReporter()],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    expect: { poll: { timeout: 15_000 } },
    // What a test leaves open or rejected fails the run.
    dangerouslyIgnoreUnhandledErrors: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['{libs,services,deploy}/**/*.test.ts', 'test/{lint,coverage,history,interop}/**/*.test.ts'],
          // One process for many files: nothing here mocks modules or keeps state in them.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'flows',
          include: ['test/{flows,upgrade,demo}/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
