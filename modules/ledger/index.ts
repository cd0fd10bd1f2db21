/** Accounts as a resource: objects that live in the module and that callers hold, lend, give back and drop. */
import { Result, Unit, err, ok } from "./bindings/ledger";

let accounts: u32 = 0;

export class Account {
  private cents: u64 = 0;

  constructor(private name: string) {
    accounts++;
  }

  static withDeposit(owner: string, cents: u64): Account {
    const account = new Account(owner);
    account.cents = cents;
    return account;
  }

  owner(): string {
    return this.name;
  }

  balance(): u64 {
    return this.cents;
  }

  deposit(cents: u64): void {
    this.cents += cents;
  }

  withdraw(cents: u64): Result<u64, string> {
    if (cents > this.cents) return err<u64, string>(`${this.name} has ${this.cents}, not ${cents}`);
    this.cents -= cents;
    return ok<u64, string>(this.cents);
  }

  /** Called when whoever held the account has dropped it. */
  dispose(): void {
    accounts--;
  }
}

export function transfer(source: Account, target: Account, cents: u64): Result<Unit, string> {
  const left = source.withdraw(cents);
  if (left.isErr) return err<Unit, string>(left.error);
  target.deposit(cents);
  return ok<Unit, string>();
}

export function close(account: Account): u64 {
  accounts--;
  return account.balance();
}

export function open(): u32 {
  return accounts;
}
