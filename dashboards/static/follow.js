// A page that has nothing to do while it is open but to stay true.
import { follow } from "./live.js";

follow(document.querySelector("[data-live]"));
