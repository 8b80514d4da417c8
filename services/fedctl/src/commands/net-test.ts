import { Command } from '@commander-js/extra-typings'
import { TestOutcomeSchema } from '@powernode/proto/powernode/sdwan/v1/plan_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { testTable } from '../render/net-reachability.ts'

/** Ends with 31 when one fails: whoever watches the network needs no words. */
export const netTest = (run: Run) =>
  new Command('test').description('try every test of reachability against what is compiled now').action(
    run(async (session) => {
      const { tests } = await session.clients.network.runTests({})
      return {
        data: { tests: tests.map((test) => plain(TestOutcomeSchema, test)) },
        text: (canvas) => testTable(tests, canvas),
        exit: tests.every(({ passed }) => passed) ? EXIT.done : EXIT.testsFailed,
      }
    }),
  )
