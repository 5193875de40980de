"""What the servers need to send the rows: their own clients, which throw them away."""
import os

from contender import Contender

NOTHING = "nothing"


def read_table(places, server, table, tls=False):
    if server.is_postgres:
        command = [*psql(server, tls), "-c", f"copy {table} to stdout (format binary)"]
        return Contender("psql, binary copy", command, NOTHING)
    return Contender(f"{server.name} --quick", [*client(places, server, tls), "-e", f"select * from {table}"], NOTHING)


def read_small_tables(places, server, tables):
    """One connection, one statement after the other."""
    numbers = range(1, tables + 1)
    if server.is_postgres:
        text = "".join(f"copy small_{number} to stdout (format binary);\n" for number in numbers)
        return Contender("psql, binary copy", [*psql(server, False, "small"), "-f", "-"], NOTHING,
                         stdin=str(places.write("small-postgres.sql", text)))
    text = "".join(f"select * from small_{number};\n" for number in numbers)
    return Contender(f"{server.name} --quick", client(places, server, False, "small"), NOTHING,
                     stdin=str(places.write("small-mysql.sql", text)))


def client(places, server, tls, database="bench"):
    settings = places.write(
        f"{server.name}.cnf", f"[client]\nhost=127.0.0.1\nport={server.port}\nuser=sync\npassword=sync-test\n")
    if server.name == "mariadb":
        program, switches = "mariadb", ["--ssl" if tls else "--skip-ssl"]
    else:
        program = os.fspath(places.mysql_client)
        switches = ["--ssl-mode=REQUIRED"] if tls else ["--ssl-mode=DISABLED", "--get-server-public-key"]
    return [program, f"--defaults-file={settings}", *switches, "--quick", "-N", database]


def psql(server, tls, database="bench"):
    mode = "require" if tls else "disable"
    return ["psql", "-X", "-q", f"host=127.0.0.1 port={server.port} user=sync dbname={database} sslmode={mode}"]
