"""FastAPI and SQLAlchemy on a copy of the same database, for comparison. DATABASE is its path.

Run by http_bench.cpp as: uvicorn --workers 2 fastapi_server:app
"""

import json
import os
import time
import uuid

from fastapi import Body, Depends, FastAPI, HTTPException
from sqlalchemy import Column, Float, Integer, Text, create_engine, event
from sqlalchemy.orm import Session, declarative_base, sessionmaker

engine = create_engine(f"sqlite:///{os.environ['DATABASE']}", connect_args={"check_same_thread": False, "timeout": 10})


@event.listens_for(engine, "connect")
def durable(connection, _record):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


Local = sessionmaker(bind=engine)
Base = declarative_base()


class Workflow(Base):
    __tablename__ = "workflows"
    id = Column(Text, primary_key=True)
    name = Column(Text)
    description = Column(Text, default="")
    nodes = Column(Text)
    connections = Column(Text)
    settings = Column(Text)
    extra = Column(Text, default="{}")
    is_active = Column(Integer, default=0)
    version = Column(Integer, default=1)
    created_at = Column(Integer)
    updated_at = Column(Integer)


class Execution(Base):
    __tablename__ = "workflow_executions"
    id = Column(Text, primary_key=True)
    workflow_id = Column(Text)
    workflow_name = Column(Text)
    status = Column(Text)
    mode = Column(Text)
    started_at = Column(Integer)
    completed_at = Column(Integer)
    duration_ms = Column(Float)
    error_message = Column(Text)


def session():
    with Local() as one:
        yield one


def view(workflow: Workflow) -> dict:
    return {
        "id": workflow.id,
        "name": workflow.name,
        "description": workflow.description,
        "nodes": json.loads(workflow.nodes),
        "connections": json.loads(workflow.connections),
        "settings": json.loads(workflow.settings),
        "active": bool(workflow.is_active),
        "createdAt": workflow.created_at,
        "updatedAt": workflow.updated_at,
    }


app = FastAPI()


@app.get("/workflows/{id}")
def get_workflow(id: str, db: Session = Depends(session)):
    workflow = db.get(Workflow, id)
    if workflow is None:
        raise HTTPException(404)
    return view(workflow)


@app.get("/executions")
def list_executions(limit: int = 20, lastId: str = "~", db: Session = Depends(session)):
    rows = db.query(Execution).filter(Execution.id < lastId).order_by(Execution.id.desc()).limit(limit).all()
    return {
        "results": [
            {
                "id": row.id,
                "workflowId": row.workflow_id,
                "status": row.status,
                "startedAt": row.started_at,
                "completedAt": row.completed_at,
                "duration": row.duration_ms,
            }
            for row in rows
        ]
    }


@app.post("/workflows", status_code=201)
def create_workflow(body: dict = Body(), db: Session = Depends(session)):
    now = time.time_ns() // 1000
    workflow = Workflow(
        id=str(uuid.uuid4()),
        name=body["name"],
        nodes=json.dumps(body.get("nodes", [])),
        connections=json.dumps(body.get("connections", {})),
        settings=json.dumps(body.get("settings", {})),
        created_at=now,
        updated_at=now,
    )
    db.add(workflow)
    db.commit()
    return view(workflow)
