import { it, expect } from "vitest";
import { useTestDatabase } from "../../../test/database.ts";
const url = useTestDatabase();
it("x", () => { expect(url()).toMatch(/test_/); console.log(url()); });
