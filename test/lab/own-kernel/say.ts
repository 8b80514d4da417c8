/** Tells whoever started the machine (boot.ts) a fact. */
export const say = (fact: string, value: unknown): void =>
  void process.stdout.write(
    `fact ${JSON.stringify([fact, value], (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each))}\n`,
  )
