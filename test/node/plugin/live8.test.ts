/** The development server of Vite 8: everything that holds in that of Vite 7. */
import { vi } from "vitest";

vi.mock("vite", () => import("vite8"));

await import("./live.test.ts");
