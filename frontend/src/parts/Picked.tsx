export interface PickedProps {
  label: string;
  all: string[];
  chosen: string[];
  choose: (names: string[]) => void;
}

/** A few names out of many: chips to take away, a list to add from. */
export function Picked({ label, all, chosen, choose }: PickedProps) {
  const rest = all.filter((name) => !chosen.includes(name));
  const add = (event: Event) => {
    const list = event.currentTarget as HTMLSelectElement;
    if (list.value) choose([...chosen, list.value]);
    list.value = "";
  };
  return (
    <div class="picked">
      {chosen.map((name) => (
        <button key={name} class="chip" onClick={() => choose(chosen.filter((one) => one !== name))}>
          {name} <span aria-hidden="true">×</span>
          <span class="unseen"> take away</span>
        </button>
      ))}
      <label>
        {label}{" "}
        <select onChange={add}>
          <option value="">…</option>
          {rest.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </div>
  );
}
