// What must survive a reload: small named values in localStorage, under one prefix.

class NoRoom extends Error {}

class Keep {
  constructor(prefix) {
    this.prefix = prefix;
  }

  read(name) {
    try {
      return JSON.parse(localStorage.getItem(this.prefix + name));
    } catch {
      return null;
    }
  }

  write(name, value) {
    try {
      localStorage.setItem(this.prefix + name, JSON.stringify(value));
    } catch (error) {
      throw new NoRoom(String(error));
    }
  }

  remove(name) {
    localStorage.removeItem(this.prefix + name);
  }

  names(start = "") {
    const wanted = this.prefix + start;
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(wanted))
      .map((key) => key.slice(this.prefix.length))
      .sort();
  }
}
